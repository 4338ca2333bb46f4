"""PostgreSQL refuses to run as root: then it gets an account without privileges."""

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def unprivileged() -> Account | None:
    """The account to run PostgreSQL as, or None when the present one will do."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def open_paths(account: Account, paths: Iterable[Path]) -> list[Path]:
    """Let the account pass (not look) through every folder above the paths.

    Returns the folders whose permissions had to change.
    """
    closed = [
        folder
        for folder in sorted({parent for path in paths for parent in path.resolve().parents})
        if not _may_pass(account, folder.stat())
    ]
    for folder in closed:
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)
    return closed


def _may_pass(account: Account, found: os.stat_result) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & stat.S_IXOTH)
