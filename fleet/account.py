"""Nothing of the fleet needs to be root: where root starts it, PostgreSQL and the services get an
account without privileges. PostgreSQL would refuse; a service that is taken over could do anything.
"""

import ctypes
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PR_SET_DUMPABLE = 4

READ = "import sys; [open(path, 'rb').close() for path in sys.argv[1:]]"


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)

    def become(self) -> None:
        """For the rest of this process, and for good."""
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)
        os.environ["HOME"] = "/"  # the one before is shut to it
        if sys.platform == "linux":
            # Else what it tells about itself in /proc is root's, and its metrics lack it.
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)

    def can_read(self, paths: Iterable[Path]) -> bool:
        """Whether it could run Python, and read all of these."""
        try:
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", READ, *map(str, paths)],
                cwd="/",
                user=self.uid,
                group=self.gid,
                extra_groups=[],
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            return False
        return True


def unprivileged() -> Account | None:
    """The account to run as, or None when the present one will do."""
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
