"""The embedded PostgreSQL as it runs here.

It listens on a socket in a private folder, asks for passwords, and ends with the process that
started it.
"""

import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from . import account, cluster, database, guardian, passwords
from .failure import Failure
from .logs import last_lines

SOCKET_PORT = 5432
# sockaddr_un holds 104 bytes on macOS and 108 on Linux, and PostgreSQL adds `/.s.PGSQL.5432`.
LONGEST_FOLDER = 86
READY_SECONDS = 30

SETTINGS = {
    "max_connections": "120",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u %a ",
    # No more than what went wrong: the rest quotes rows, and they may be about people.
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class Server:
    """A server that answers; `dsn` is its superuser's."""

    dsn: str


class Postgres:
    """One server and where it lives: `postgres/`, `run/` and `logs/` in the data folder."""

    def __init__(self, data_dir: Path, *, port: int | None = None, durable: bool = True) -> None:
        self.folder = data_dir / "postgres"
        self.log = data_dir / "logs" / "postgres.log"
        self._data_dir = data_dir
        self._sockets = _socket_folder(data_dir)
        self._port = port
        self._durable = durable
        self._account = account.unprivileged()

    def dsn(self, name: str = "postgres") -> str:
        password = passwords.load(self._data_dir, [cluster.SUPERUSER])[cluster.SUPERUSER]
        where = f"{quote(str(self._sockets), safe='')}:{self._port or SOCKET_PORT}"
        return f"postgresql://{cluster.SUPERUSER}:{password}@{where}/{name}"

    def prepare(self) -> list[str]:
        """Make what is missing; returns what the owner of this machine should know about it.

        Raises Failure when this server cannot use what is there.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        notes = self._let_account_pass()
        if cluster.exists(self.folder):
            cluster.refuse_unusable(self.folder, self._account)
            passwords.refuse_lost(self._data_dir, cluster.SUPERUSER)
        else:
            roles = passwords.load(self._data_dir, [cluster.SUPERUSER])
            cluster.make(self.folder, roles[cluster.SUPERUSER], self._account)
        self._make_private(self._sockets)
        return notes

    def launch(self, inherit: tuple[int, ...] = ()) -> "subprocess.Popen[bytes]":
        """Start the server under its guardian; `inherit` are descriptors that both keep open."""
        uid, gid = (self._account.uid, self._account.gid) if self._account else (-1, -1)
        guard = [sys.executable, "-I", "-S", guardian.__file__, str(uid), str(gid)]
        server = [str(cluster.binary("postgres")), "-D", str(self.folder), *self._options()]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*guard, *server],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._data_dir,
                env=cluster.environment(),
                pass_fds=inherit,
                start_new_session=True,
            )

    def wait_until_ready(
        self,
        status: Callable[[], int | None],
        pause: Callable[[float], None] = time.sleep,  # for who need not hear signals meanwhile
    ) -> None:
        """Raises Failure with the end of the log when it dies, or does not answer.

        `status` tells how it ended, None while it runs; `pause` lets a little time pass.
        """

        def look(seconds: float) -> None:
            if (code := status()) is not None:
                raise Failure(f"ended with status {code}.")
            pause(seconds)

        try:
            database.wait_for(self.dsn(), READY_SECONDS, look)
        except Failure as failure:
            raise Failure(f"PostgreSQL {failure}\n{last_lines(self.log)}") from failure

    def _options(self) -> list[str]:
        chosen = {
            **SETTINGS,
            **dict.fromkeys(DURABILITY, "on" if self._durable else "off"),
            "unix_socket_directories": f'"{self._sockets}"',
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self._port or SOCKET_PORT),
        }
        return [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]

    def _let_account_pass(self) -> list[str]:
        if self._account is None:
            return []
        opened = account.open_paths(self._account, [self.folder, cluster.binary("postgres")])
        names = ", ".join(map(str, opened))
        note = f"PostgreSQL runs as {self._account.name}, who may now pass through {names}."
        return [note] if opened else []

    def _make_private(self, folder: Path) -> None:
        """Somebody else may have been there first: the system's folder is everybody's."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        ours = {os.geteuid(), self._account.uid if self._account else os.geteuid()}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours or found.st_mode & 0o077:
            raise Failure(f"{folder} is not a private folder of ours: remove it.")
        if self._account:
            self._account.own(folder)


@contextmanager
def embedded(data_dir: Path, *, durable: bool = True) -> Iterator[Server]:
    """A server for as long as the block lasts, or this process lives."""
    data_dir.mkdir(parents=True, exist_ok=True)
    postgres = Postgres(data_dir.resolve(), durable=durable)
    postgres.prepare()
    with postgres.launch() as guard:
        try:
            postgres.wait_until_ready(guard.poll)
            yield Server(postgres.dsn())
        finally:
            guard.terminate()


def _socket_folder(data_dir: Path) -> Path:
    if len(os.fsencode(data_dir / "run")) <= LONGEST_FOLDER:
        return data_dir / "run"
    mark = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"fleet-{os.geteuid()}-{mark}")
