"""Configuration by environment, checked once before a service starts."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    PostgresDsn,
    SecretStr,
    ValidationError,
    create_model,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from . import secrets


def _without_slash(url: HttpUrl) -> str:
    return str(url).rstrip("/")


Url = Annotated[HttpUrl, AfterValidator(_without_slash)]

_origin = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def _listed(given: Any) -> Any:
    """The items of a variable that lists them, separated by commas or spaces."""
    return given.replace(",", " ").split() if isinstance(given, str) else given


def _as_browsers_say(origin: str) -> str:
    """An origin as a browser writes it: in lower case, without a default port."""
    told = origin.lower().removesuffix("/")
    if not _origin.fullmatch(told):
        raise ValueError(f"{origin} is no origin; one is https://shop.example, without a path")
    default = ":443" if told.startswith("https:") else ":80"
    return told.removesuffix(default)


Origin = Annotated[str, AfterValidator(_as_browsers_say)]


class Settings(BaseSettings):
    """What every service reads. Sizes are counts, times are seconds."""

    model_config = SettingsConfigDict(case_sensitive=False, extra="ignore", env_ignore_empty=True)

    database_url: PostgresDsn = Field(description="postgresql://user:password@host:port/database")
    # Where it does not stand in the URL.
    database_password: SecretStr | None = None
    database_pool_size: int = Field(8, ge=1, le=100)
    request_timeout: float = Field(5.0, gt=0, le=60)
    peer_timeout: float = Field(2.0, gt=0, le=60)
    max_in_flight: int = Field(128, ge=1, le=10_000)
    max_at_work: int = Field(6, ge=1, le=10_000)
    # Requests of one caller in so many seconds; not limited where it is empty.
    rate_limit: int | None = Field(None, ge=1, le=1_000_000)
    rate_window: float = Field(60.0, ge=1, le=86_400)
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field("auto", pattern="^(auto|json|console)$")
    environment: str = "development"
    # Where callers reach it: told by whoever publishes it, for a container cannot know.
    bind_address: str | None = None
    # Origins whose pages may call it from a browser.
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_listed)] = ()
    # With AUTH_MODE=dev: host names that are answered to, beside those of this machine.
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    auth_mode: Literal["dev", "enforce"] = "dev"
    keys_dir: Path | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks_url: str | None = None
    oidc_roles_claim: str = "roles"
    oidc_customer_claim: str = "sub"
    otel_exporter_otlp_endpoint: Url | None = None

    @property
    def dsn(self) -> str:
        """The database's URL, its password included."""
        if self.database_password is None:
            return str(self.database_url)
        return secrets.with_password(
            str(self.database_url), self.database_password.get_secret_value()
        )


def with_peers(base: type[Settings], peers: tuple[str, ...]) -> type[Settings]:
    """The settings class with one required URL for each peer: `CART_URL` for `cart`."""
    urls: dict[str, Any] = {f"{peer}_url": (Url, ...) for peer in peers}
    return create_model(base.__name__, __base__=base, **urls)


S = TypeVar("S", bound=Settings)


def load(kind: type[S], service: str) -> S:
    """Read the environment, and the files of /run/secrets, where there are any; or end the process
    with one line a wrong variable."""
    try:
        return kind(_secrets_dir=secrets.FOLDER if secrets.FOLDER.is_dir() else None)
    except ValidationError as invalid:
        refuse(service, invalid)


def refuse(service: str, invalid: ValidationError) -> NoReturn:
    for error in invalid.errors(include_url=False, include_input=False):
        variable = "_".join(str(part) for part in error["loc"]).upper()
        what = "is not set" if error["type"] == "missing" else f"is wrong: {error['msg']}"
        print(f"{service}: {variable} {what}. See the configuration table.", file=sys.stderr)
    raise SystemExit(2)
