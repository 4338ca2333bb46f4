"""A fleet whose every link leads through a port of ours: `python -m tests.faults.links.wired up`.

What listens on these ports, and passes on what it gets or does not, is for the tests to say.
"""

import os
from urllib.parse import unquote, urlsplit, urlunsplit

from fleet import members
from fleet.services import SERVICES, Service
from fleet.settings import Settings
from fleet.up import Startup, up

CLIENT = "client"
POSTGRES = "postgres"

# Caller and callee.
LINKS: tuple[tuple[str, str], ...] = (
    *((service.name, callee) for service in SERVICES for callee in (*service.calls, POSTGRES)),
    *((CLIENT, service.name) for service in SERVICES),
)
# Above the ports of the services themselves.
FIRST_OFFSET = 12


def port_of(base: int, caller: str, callee: str) -> int:
    """Where `caller` believes `callee` to be."""
    return base + FIRST_OFFSET + LINKS.index((caller, callee))


class Wired(Startup):
    """Tells each service that its peers and PostgreSQL are at the ports of its links."""

    def environment_of(self, service: Service, dsn: str) -> dict[str, str]:
        base = Settings.from_environment(os.environ).port_base
        own = super().environment_of(service, dsn)
        for callee in service.calls:
            url = f"http://127.0.0.1:{port_of(base, service.name, callee)}"
            own[f"{callee.upper()}_URL"] = url
        own["DATABASE_URL"] = through(dsn, port_of(base, service.name, POSTGRES))
        return own


def through(dsn: str, port: int) -> str:
    """The same database by way of a port on this machine, in the clear: the proxy reads along."""
    parts = urlsplit(dsn)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}", query="sslmode=disable"))


def socket_of(dsn: str) -> str:
    """The path of the socket that the embedded PostgreSQL of this DSN listens on."""
    folder, _, port = unquote(urlsplit(dsn).netloc.rpartition("@")[2]).rpartition(":")
    return f"{folder}/.s.PGSQL.{port}"


def main() -> None:
    # Tests kill the same service again and again; a person's fleet would wait longer each time.
    members.SETTLED_SECONDS = 0
    up(Settings.from_environment(os.environ), startup=Wired)


if __name__ == "__main__":
    main()
