"""The keys by which services know one another, made once: `python -m fleet.keys FOLDER`.

Of each service that calls others, and of the local issuer of people's tokens: `<name>.key` signs,
`<name>.pub` is for those who check. A service has a second pair, `<name>.next.key` and `.next.pub`,
which is believed as well: so it can change its key, whoever is started again first.

    --change order   signs with the other pair from its next start on
    --retire order   the pair that it has signed with before gives way to a new one
"""

import argparse
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
PAIRS = tuple(pair for name in CALLERS for pair in (name, f"{name}.next"))


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


def change(folder: Path, name: str, *, mode: int = 0o600) -> None:
    """The two pairs of a service change places. Each file is there and whole at any time, and both
    pairs are believed before and after."""
    for half in ("key", "pub"):
        files = [folder / f"{name}.{half}", folder / f"{name}.next.{half}"]
        for file, content in zip(files, [each.read_bytes() for each in files][::-1], strict=True):
            _write(file, content, mode)


def retire(folder: Path, name: str, *, mode: int = 0o600) -> None:
    """The pair that is not signed with is no longer believed, once those who check are started
    again; a new one waits in its place."""
    _make(folder, f"{name}.next", mode)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m fleet.keys")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--change", choices=CALLERS, metavar="SERVICE")
    parser.add_argument("--retire", choices=CALLERS, metavar="SERVICE")
    chosen = parser.parse_args(arguments)
    folder: Path = chosen.folder
    # A container runs as another user, who must be able to read the file that is mounted for it.
    # Of this machine's users, nobody else gets past the folder.
    mode = 0o644
    made = make_missing(folder, PAIRS, mode=mode)
    if made or not (chosen.change or chosen.retire):
        print(f"{folder}: {len(made)} key pairs made, {len(PAIRS)} there.")
    if chosen.change:
        change(folder, chosen.change, mode=mode)
        print(f"Start {chosen.change} again, and then: make retire-key NAME={chosen.change}")
    if chosen.retire:
        retire(folder, chosen.retire, mode=mode)
        callees = next(service.calls for service in SERVICES if service.name == chosen.retire)
        print(f"Start again, one after the other: {', '.join(callees)}")


if __name__ == "__main__":
    main(sys.argv[1:])
