"""Who calls, and which callers a route admits.

A route says it in the line above its function, and is not made without:

    @router.get("/orders/{order_id}")
    @admits("customer", "staff", services=("payment", "shipping"))

`admin` is admitted wherever a role is named. A route that names only services admits no person: it
believes what the service tells it. While authentication is off, a caller without a token is
admitted everywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from uuid import UUID

Role = Literal["customer", "staff", "admin"]
ROLES: tuple[Role, ...] = ("customer", "staff", "admin")
# Roles that may read and change things of any customer.
WIDE_ROLES = frozenset({"staff", "admin"})

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

ADMITTED = "admitted_callers"

# Before a service's name, so that no service is taken for a role.
SERVICE = "service:"


@dataclass(frozen=True, slots=True)
class Caller:
    """`parts` are what routes admit: a person's roles, or one service. `owner` is the customer
    whose things alone they may see and change; None: anybody's. `subject` is the `sub` of a
    person's token, or `service:order`; empty without a token. `email` is the address in the token:
    None if it has none, empty if it is not verified."""

    parts: frozenset[str]
    owner: UUID | None = None
    is_service: bool = False
    subject: str = ""
    email: str | None = None

    @property
    def roles(self) -> str:
        """A person's roles, separated by spaces."""
        return "" if self.is_service else " ".join(sorted(self.parts))

    @property
    def accountable(self) -> bool:
        """Whether their changes are written to the audit log: a person with a token and a wide
        role."""
        return bool(self.subject) and not self.parts.isdisjoint(WIDE_ROLES)


# Somebody on this machine, whom nobody has asked for a token.
LOCAL = Caller(frozenset({"admin"}))


def service(name: str) -> Caller:
    return Caller(frozenset({f"{SERVICE}{name}"}), is_service=True, subject=f"{SERVICE}{name}")


def person(
    roles: frozenset[str], themselves: UUID | None, subject: str = "", email: str | None = None
) -> Caller:
    """`themselves` is the id of the customer that they are. Without one, that role is worth
    nothing; beside a wider role, it limits nothing."""
    if roles & WIDE_ROLES:
        return Caller(roles, subject=subject)
    if "customer" in roles and themselves:
        return Caller(roles, themselves, subject=subject, email=email)
    return Caller(frozenset(), subject=subject)


def admits(*roles: Role, services: Sequence[str] = ()) -> Callable[[Endpoint], Endpoint]:
    """Which callers the route of this function is for."""
    people = {"admin", *roles} if roles else set[str]()
    admitted = frozenset({*people, *(f"{SERVICE}{name}" for name in services)})

    def declare(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, ADMITTED, admitted)
        return endpoint

    return declare


def security(admitted: frozenset[str]) -> list[dict[str, list[str]]]:
    """The same for the OpenAPI page, whose roles may be services too."""
    return [{"token": sorted(admitted)}]


def admitted_by(endpoint: Callable[..., Any]) -> frozenset[str]:
    """Raises TypeError for a function that does not say, or that names nobody."""
    admitted: frozenset[str] | None = getattr(endpoint, ADMITTED, None)
    if not admitted:
        raise TypeError(f"{endpoint.__name__} does not say whom it admits: see chassis.admits")
    return admitted
