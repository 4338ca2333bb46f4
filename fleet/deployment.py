"""The fleet that an operator's command is about: that of `make up`, or the containers.

PostgreSQL's own programs reach the database of either: of the first they are run here, of the
second inside its container, where no port need be published and no password is asked for.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from . import cluster, database, instance, passwords
from .failure import Failure
from .postgres import Postgres
from .services import ROOT, SERVICES
from .settings import Settings
from .up import DATABASE

AUDITOR = "auditor"

# For people: what bounds a service's statements, and its search path, is not for them.
BY_HAND = {
    "default_transaction_read_only": "on",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "search_path": ",".join(sorted({service.schema for service in SERVICES})),
}

QUIET = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")

NOTHING_RUNS = "Nothing is running. Start the fleet first: make up, or docker compose up."


@dataclass(frozen=True)
class Program:
    """A command line, and the environment it needs beside the usual one."""

    words: Sequence[str]
    environment: Mapping[str, str]

    def complete_environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def become(self) -> NoReturn:
        """Leave this process, and the terminal, to it."""
        words = list(self.words)
        os.execvpe(words[0], words, self.complete_environment())  # noqa: S606  # no shell


@dataclass(frozen=True)
class Login:
    """As whom, and where: the superuser, in the fleet's own database, unless named otherwise."""

    role: str | None = None
    database: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    interactive: bool = False

    @property
    def options(self) -> str:
        return " ".join(f"-c {name}={value}" for name, value in self.settings.items())


SUPERUSER = Login()


class Deployment(Protocol):
    """A fleet, or at least its PostgreSQL."""

    @property
    def urls(self) -> Mapping[str, str]: ...

    @property
    def database(self) -> str: ...

    def program(self, name: str, *options: str, login: Login = SUPERUSER) -> Program:
        """One of PostgreSQL's client programs, on its way to this database."""


@dataclass(frozen=True)
class Local:
    """A fleet of `make up`; `dsn` is that of the role which made the others."""

    urls: Mapping[str, str]
    dsn: str
    passwords: Mapping[str, str]

    @property
    def database(self) -> str:
        return urlsplit(self.dsn).path.lstrip("/") or DATABASE

    def program(self, name: str, *options: str, login: Login = SUPERUSER) -> Program:
        # The embedded psql edits no lines; the system's own does.
        path = (shutil.which(name) if login.interactive else None) or str(cluster.binary(name))
        dsn, password = without_password(self._dsn_of(login.role), login.database or self.database)
        environment = {"PGPASSWORD": password, "PGOPTIONS": login.options}
        return Program([path, f"--dbname={dsn}", *options], environment)

    def _dsn_of(self, role: str | None) -> str:
        if role is None:
            return self.dsn
        stem = role.removesuffix("_app")
        if stem not in self.passwords:
            raise Failure(f"There is no role {role}: name a service, or nothing for the auditor.")
        return database.dsn_for(self.dsn, role, self.passwords[stem])


@dataclass(frozen=True)
class Containers:
    """The fleet of `docker compose up`."""

    urls: Mapping[str, str]
    database: str = DATABASE

    def program(self, name: str, *options: str, login: Login = SUPERUSER) -> Program:
        words = [
            *("docker", "compose", "exec", *(() if login.interactive else ("--no-TTY",))),
            *("--env", f"PGOPTIONS={login.options}", "postgres", name),
            f"--username={login.role or cluster.SUPERUSER}",
            f"--dbname={login.database or self.database}",
        ]
        return Program([*words, *options], {})


def find(environ: Mapping[str, str]) -> Deployment:
    """The fleet that runs now. Raises Failure when there is none."""
    settings = instance.settings_now(environ)
    if instance.find(settings.data_dir):
        return local(settings, {each.name: settings.url(each) for each in SERVICES})
    if "postgres" in running_containers():
        return containers(environ)
    raise Failure(NOTHING_RUNS)


def local(settings: Settings, urls: Mapping[str, str]) -> Local:
    roles = [AUDITOR, *(service.name for service in SERVICES)]
    secrets = passwords.load(settings.data_dir, roles)
    return Local(urls, superuser_dsn(settings), secrets)


def superuser_dsn(settings: Settings) -> str:
    """The database of `make up`, for the role which made the others.

    Raises Failure where the fleet runs on a server that only DATABASE_URL names.
    """
    if settings.database_url:
        return settings.database_url
    running = instance.find(settings.data_dir)
    if running and running.on_given_server:
        raise Failure("The fleet runs on a PostgreSQL of yours. Name it here too: DATABASE_URL=…")
    return Postgres(settings.data_dir, port=settings.postgres_port).dsn(DATABASE)


def containers(environ: Mapping[str, str]) -> Containers:
    """Where the containers answer, by the variables of docker-compose.yml."""
    settings = Settings.from_environment(environ)
    urls = {
        each.name: f"http://{settings.reachable_host}:"
        + (environ.get(f"{each.name.upper()}_PORT") or str(each.port(8000)))
        for each in SERVICES
    }
    return Containers(urls)


def running_containers() -> set[str]:
    """The names of this folder's Compose services that run; none where there is no Docker."""
    try:
        return set(compose("ps", "--services", "--status=running").split())
    except Failure:
        return set()


def compose(*words: str) -> str:
    """What `docker compose` says to this. Raises Failure."""
    command = ["docker", "compose", *words]
    try:
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except OSError as error:
        raise Failure(f"Docker is needed for this: {error}.") from error
    except subprocess.CalledProcessError as error:
        raise Failure(error.stderr.strip()) from error
    return said.stdout


def ask(deployment: Deployment, query: str, *, database: str | None = None) -> str:
    """What the superuser gets for a query, or several. Raises Failure."""
    return _psql(deployment.program("psql", *QUIET, login=Login(database=database)), query)


def look(deployment: Deployment, query: str) -> str:
    """What the auditor, who may change nothing, gets for a query. Raises Failure."""
    return _psql(deployment.program("psql", *QUIET, login=Login(AUDITOR, settings=BY_HAND)), query)


def _psql(program: Program, query: str) -> str:
    done = subprocess.run(
        program.words,
        env=program.complete_environment(),
        cwd=ROOT,
        input=query,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failure(f"PostgreSQL refuses: {done.stderr.strip()}")
    return done.stdout.strip()


def without_password(dsn: str, database: str) -> tuple[str, str]:
    """The DSN for a command line, which everybody on the machine can read, and the password."""
    parts = urlsplit(dsn)
    login, _, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    netloc = f"{user}@{host}" if user else host
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}")), unquote(password)
