"""What the person at the terminal may choose, by environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from .failure import Failure
from .services import Service

PRODUCTION = "production"
ANYWHERE = "0.0.0.0"  # noqa: S104  # compared with, never chosen


@dataclass(frozen=True)
class Settings:
    """Where the fleet keeps its data, listens and finds its PostgreSQL."""

    data_dir: Path
    port_base: int = 8000
    host: str = "127.0.0.1"
    database_url: str | None = None
    postgres_port: int | None = None
    auth_mode: str = "dev"
    environment: str = "development"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises Failure when a variable makes no sense; an empty one counts as not set."""
        return cls(
            data_dir=Path(environ.get("DATA_DIR") or ".data").resolve(),
            port_base=_port(environ, "PORT_BASE", highest=65_500) or 8000,
            host=environ.get("BIND_ADDRESS") or "127.0.0.1",
            database_url=environ.get("DATABASE_URL") or None,
            postgres_port=_port(environ, "POSTGRES_PORT", highest=65_535),
            auth_mode=_auth_mode(environ),
            environment=environ.get("ENVIRONMENT") or "development",
        )

    def refuse_exposed(self) -> None:
        """Raises Failure where others could call a fleet that asks nobody who they are. Each
        service refuses that too, but only once PostgreSQL runs."""
        if self.auth_mode != "dev":
            return
        if self.environment == PRODUCTION:
            raise Failure(
                "ENVIRONMENT=production does not allow AUTH_MODE=dev: AUTH_MODE=enforce make up"
            )
        if not _is_loopback(self.host):
            raise Failure(
                f"BIND_ADDRESS={self.host} is beyond this machine, and AUTH_MODE=dev asks nobody "
                "for a token. Ask for one: AUTH_MODE=enforce make up"
            )

    @property
    def reachable_host(self) -> str:
        """The address for a caller on this machine: nobody can call 0.0.0.0."""
        return "127.0.0.1" if self.host == ANYWHERE else self.host

    def port(self, service: Service) -> int:
        return service.port(self.port_base)

    def url(self, service: Service) -> str:
        return f"http://{self.reachable_host}:{self.port(service)}"

    @property
    def keys(self) -> Path:
        return self.data_dir / "keys"

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _auth_mode(environ: Mapping[str, str]) -> str:
    mode = environ.get("AUTH_MODE") or "dev"
    if mode not in ("dev", "enforce"):
        raise Failure(f"AUTH_MODE={mode} is neither dev nor enforce.")
    return mode


def _port(environ: Mapping[str, str], variable: str, *, highest: int) -> int | None:
    text = environ.get(variable)
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= highest:
        raise Failure(f"{variable}={text} is not a port: choose a number from 1 to {highest}.")
    return int(text)
