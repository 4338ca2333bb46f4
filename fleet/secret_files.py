"""The passwords of a production stack, made once, one file each: `python -m fleet.secret_files`."""

import os
import secrets
from pathlib import Path

from . import console
from .services import SERVICES

NAMES = (
    "postgres_password",
    "auditor_db_password",
    *(f"{service.name}_db_password" for service in SERVICES),
)


def make(folder: Path) -> list[str]:
    """Make those that are missing; returns their names.

    Nobody else gets into the folder. A container's user, who is somebody else, reads its own file
    where it is mounted.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    missing = [name for name in NAMES if not (folder / name).exists()]
    for name in missing:
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        with open(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        (folder / name).chmod(0o444)
    return missing


if __name__ == "__main__":
    chosen = Path(os.environ.get("SECRETS_DIR") or "secrets")
    made = make(chosen)
    console.say(
        f"{len(made)} of {len(NAMES)} passwords made in {chosen}/. Keep them out of the code."
    )
