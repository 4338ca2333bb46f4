"""The passwords of the PostgreSQL roles, made once and kept for the owner's eyes only."""

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from .failure import Failure


def load(data_dir: Path, roles: Iterable[str]) -> dict[str, str]:
    """A password for each role, from `secrets.json`; the missing ones are made and kept there."""
    path = data_dir / "secrets.json"
    known = _read(path)
    missing = {role: secrets.token_urlsafe(24) for role in roles if role not in known}
    if missing:
        known |= missing
        _write(path, known)
    return known


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read ({error}): restore it from a backup.") from error


def _write(path: Path, passwords: dict[str, str]) -> None:
    """Whole or not at all: half a file would lock everybody out of the database."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        json.dump(passwords, file, indent=2)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def refuse_lost(data_dir: Path, role: str) -> None:
    """Raises Failure when a database is there, but the password to it is not."""
    if role not in _read(data_dir / "secrets.json"):
        raise Failure(
            f"{data_dir / 'secrets.json'} is lost, and with it the password to the database.\n"
            "Restore it from a backup, or move the data folder away to start afresh."
        )
