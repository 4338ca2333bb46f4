"""Brings a fleet up, step by step, and down again."""

import http.client
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from . import console, database, instance, logs, passwords, ports, processes, signals
from .account import Account, unprivileged
from .failure import Failure
from .members import Member
from .postgres import Postgres
from .services import ROOT, SERVICES, Service
from .settings import Settings
from .supervisor import Supervisor

DATABASE = "shop"
AUTHENTICATION = {
    "dev": "No authentication: who calls without a token is an admin. For more: AUTH_MODE=enforce",
    "enforce": "Nobody gets in without a token. For one: make token ROLE=admin",
}
GIVEN_SERVER_SECONDS = 5
READY_SECONDS = 30
# The guardian of PostgreSQL loses patience within 8 s.
POSTGRES_SECONDS = 9


def up(
    settings: Settings,
    services: Sequence[Service] = SERVICES,
    root: Path = ROOT,
    startup: "type[Startup] | None" = None,
) -> None:
    """Run a fleet, whose folders are in `root`, until a signal says stop.

    `startup` is for those who wire it otherwise. Raises Failure when it does not come up,
    AlreadyRunning when there is one.
    """
    settings.refuse_exposed()
    signals.block()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with instance.claim(settings) as lock:
        ports.refuse_taken(settings.host, [settings.port(service) for service in services])
        logs.rotate(settings.logs)
        supervisor = Supervisor(settings.data_dir)
        try:
            (startup or Startup)(settings, services, root, supervisor).run(lock)
            supervisor.look_after()
        except signals.Interrupted:
            pass
        finally:
            supervisor.stop()
        console.say("Stopped.")


class Startup:
    """Everything between `make up` and the table of services."""

    def __init__(
        self, settings: Settings, services: Sequence[Service], root: Path, supervisor: Supervisor
    ) -> None:
        self._settings = settings
        self._services = services
        self._root = root
        self._supervisor = supervisor
        self._account: Account | None = None

    def run(self, lock: int) -> None:
        """Raises Failure, or Interrupted; what was started by then is the supervisor's."""
        began = time.monotonic()
        given = self._settings.database_url
        dsn = self._reach(given) if given else self._start_postgres(lock)
        with console.step("Schemas"):
            roles = ["auditor", *(service.name for service in self._services)]
            secrets = passwords.load(self._settings.data_dir, roles)
            folders = [self._root / service.folder for service in self._services]
            database.apply_schemas(dsn, folders, secrets, signals.pause)
        self._make_keys()
        self._account = self._unprivileged()
        with console.step(f"{len(self._services)} services"):
            self._start_services(dsn, secrets)
            self._wait_until_ready()
        console.say(f"  Ready after {time.monotonic() - began:.1f} s", console.GREEN)
        console.say(f"  {AUTHENTICATION[self._settings.auth_mode]}", console.BOLD)
        console.overview(self._services, instance.this_one(self._settings))

    def _reach(self, dsn: str) -> str:
        with console.step("PostgreSQL of DATABASE_URL"):
            try:
                database.wait_for(dsn, GIVEN_SERVER_SECONDS, signals.pause)
            except Failure as failure:
                raise Failure(f"The PostgreSQL of DATABASE_URL {failure}") from failure
        self._import_shared_code()
        return dsn

    def _start_postgres(self, lock: int) -> str:
        postgres = Postgres(self._settings.data_dir, port=self._settings.postgres_port)
        with console.step("Data folder"):
            notes = postgres.prepare()
        for note in notes:
            console.say(f"  {note}")
        launch = partial(postgres.launch, inherit=(lock,))
        member = Member("postgres", launch, POSTGRES_SECONDS, force=signal.SIGQUIT)
        self._supervisor.start(member)
        self._import_shared_code()  # while PostgreSQL starts
        with console.step("PostgreSQL"):
            postgres.wait_until_ready(lambda: member.exit_code, signals.pause)
            database.create(postgres.dsn(), DATABASE)
        return postgres.dsn(DATABASE)

    def _import_shared_code(self) -> None:
        with console.step("Code"):
            processes.import_shared_code()

    def _make_keys(self) -> None:
        # What it imports has been imported by now, while PostgreSQL started.
        from . import keys

        keys.make_missing(self._settings.keys, [*keys.PAIRS, keys.LOCAL_KEY])

    def _unprivileged(self) -> Account | None:
        """Whom the services run as, where root starts them; None where that is nobody else."""
        chosen = unprivileged()
        if chosen is None:
            return None
        own = self._settings.keys
        for path in (own, *own.iterdir()):
            chosen.own(path)
        folders = [self._root / service.folder for service in self._services]
        needed = [file for folder in folders for file in folder.glob("*/*.py")]
        needed += [Path(str(sys.modules[name].__file__)) for name in ("os", "fastapi", __name__)]
        if chosen.can_read([*needed, *own.iterdir()]):
            return chosen
        console.say(
            f"  The services run as root: {chosen.name} cannot read their code, or Python.",
            console.BOLD,
        )
        return None

    def _start_services(self, dsn: str, secrets: Mapping[str, str]) -> None:
        lifeline = processes.Lifeline()
        self._supervisor.start(
            *(self._member(each, dsn, secrets[each.name], lifeline) for each in self._services)
        )

    def _member(
        self, service: Service, dsn: str, password: str, lifeline: processes.Lifeline
    ) -> Member:
        own = database.dsn_for(dsn, f"{service.name}_app", password)
        launch = partial(processes.start, self._plan(service, own), lifeline)
        return Member(service.name, launch, processes.END_SECONDS)

    def _plan(self, service: Service, dsn: str) -> processes.Plan:
        return processes.Plan(
            name=service.name,
            module=service.module,
            listener=processes.listen(self._settings.host, self._settings.port(service)),
            log=self._settings.logs / f"{service.name}.log",
            account=self._account,
            environment=self.environment_of(service, dsn),
        )

    def environment_of(self, service: Service, dsn: str) -> dict[str, str]:
        """What a service is told: where its database is, and where its peers are."""
        peers = [each for each in self._services if each.name in service.calls]
        return {
            "DATABASE_URL": dsn,
            "LOG_FORMAT": os.environ.get("LOG_FORMAT") or "json",
            "AUTH_MODE": self._settings.auth_mode,
            "BIND_ADDRESS": self._settings.host,
            "KEYS_DIR": str(self._settings.keys),
            **{peer.url_variable: self._settings.url(peer) for peer in peers},
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        waiting = list(self._services)
        while waiting := [each for each in waiting if not self._is_ready(each)]:
            self._supervisor.refuse_dead()
            if time.monotonic() > deadline:
                why = f"is not ready after {READY_SECONDS} s"
                raise self._supervisor.failure(waiting[0].name, why)
            signals.pause(0.03)

    def _is_ready(self, service: Service) -> bool:
        host, port = self._settings.reachable_host, self._settings.port(service)
        connection = http.client.HTTPConnection(host, port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
