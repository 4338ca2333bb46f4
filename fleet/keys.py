"""The keys by which services know one another, made once: `python -m fleet.keys FOLDER`.

Of each service that calls others, and of the local issuer of people's tokens: `<name>.key` signs,
`<name>.pub` is for those who check.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from chassis.auth import LOCAL_KEY as LOCAL_KEY

from .services import SERVICES

CALLERS = tuple(service.name for service in SERVICES if service.calls)


def make_missing(folder: Path, names: Iterable[str], *, mode: int = 0o600) -> list[str]:
    """Have a key pair for each of the names. Returns those that were made now."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = [name for name in names if not (folder / f"{name}.key").exists()]
    for name in made:
        _make(folder, name, mode)
    return made


def _make(folder: Path, name: str, mode: int) -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write(folder / f"{name}.pub", public, mode)
    # Last: once it is there, the pair is.
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / f"{name}.key", private, mode)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1:
        sys.exit("Where to? python -m fleet.keys FOLDER")
    folder = Path(arguments[0])
    # A container runs as another user, who must be able to read the file that is mounted for it.
    # Of this machine's users, nobody else gets past the folder.
    made = make_missing(folder, CALLERS, mode=0o644)
    print(f"{folder}: {len(made)} key pairs made, {len(CALLERS)} there.")


if __name__ == "__main__":
    main(sys.argv[1:])
