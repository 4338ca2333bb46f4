"""Runs the floor's processes as the fleet runs its own: `python -m bench.floor`.

It reads what the fleet reads: PORT_BASE, DATA_DIR, where the roles' passwords are, and
DATABASE_URL, whose database has the schemas already.
"""

import os
from functools import partial

from fleet import database, passwords, ports, processes, signals
from fleet.members import Member
from fleet.services import BY_NAME, SERVICES, Service
from fleet.settings import Settings
from fleet.supervisor import Supervisor

from . import PLAIN_FASTAPI


def main() -> None:
    signals.block()
    settings = Settings.from_environment(os.environ)
    services = (*SERVICES, PLAIN_FASTAPI)
    ports.refuse_taken(settings.host, [settings.port(service) for service in services])
    settings.logs.mkdir(parents=True, exist_ok=True)
    processes.import_shared_code()
    lifeline = processes.Lifeline()
    supervisor = Supervisor(settings.data_dir)
    try:
        supervisor.start(*(member(plan(each, settings), lifeline) for each in services))
        supervisor.look_after()
    finally:
        supervisor.stop()


def member(plan: processes.Plan, lifeline: processes.Lifeline) -> Member:
    return Member(plan.name, partial(processes.start, plan, lifeline), processes.END_SECONDS)


def plan(service: Service, settings: Settings) -> processes.Plan:
    role = "product_catalogue" if service is PLAIN_FASTAPI else service.name
    secret = passwords.load(settings.data_dir, [role])[role]
    peers = [BY_NAME[name] for name in service.calls]
    assert settings.database_url is not None
    return processes.Plan(
        name=service.name,
        module=f"bench.floor.{service.name}",
        listener=processes.listen(settings.host, settings.port(service)),
        log=settings.logs / f"{service.name}.log",
        environment={
            "DATABASE_URL": database.dsn_for(settings.database_url, f"{role}_app", secret),
            **{peer.url_variable: settings.url(peer) for peer in peers},
        },
    )


if __name__ == "__main__":
    main()
