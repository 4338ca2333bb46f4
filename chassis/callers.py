"""Who calls, and which callers a route admits.

A route says it in the line above its function, and is not made without:

    @router.get("/orders/{order_id}")
    @admits("customer", "staff", services=("payment", "shipping"))

`admin` is admitted everywhere, and so is, while authentication is off, whoever shows no token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from uuid import UUID

Role = Literal["customer", "staff", "admin"]
ROLES: tuple[Role, ...] = ("customer", "staff", "admin")

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

ADMITTED = "admitted_callers"

# Before a service's name, so that no service is taken for a role.
SERVICE = "service:"


@dataclass(frozen=True, slots=True)
class Caller:
    """`parts` are what routes admit: a person's roles, or one service. `owner` is the one whose
    things alone they may see and touch; None: anybody's."""

    parts: frozenset[str]
    owner: UUID | None = None
    is_service: bool = False


# Somebody on this machine, whom nobody has asked for a token.
LOCAL = Caller(frozenset({"admin"}))


def service(name: str) -> Caller:
    return Caller(frozenset({f"{SERVICE}{name}"}), is_service=True)


def person(roles: frozenset[str], themselves: UUID | None) -> Caller:
    """`themselves` is the id of the customer that they are. Without one, that role is worth
    nothing; beside a wider role, it limits nothing."""
    if roles & {"staff", "admin"}:
        return Caller(roles)
    if "customer" in roles and themselves:
        return Caller(roles, themselves)
    return Caller(frozenset())


def admits(*roles: Role, services: Sequence[str] = ()) -> Callable[[Endpoint], Endpoint]:
    """Which callers the route of this function is for."""
    admitted = frozenset({"admin", *roles, *(f"{SERVICE}{name}" for name in services)})

    def declare(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, ADMITTED, admitted)
        return endpoint

    return declare


def security(admitted: frozenset[str]) -> list[dict[str, list[str]]]:
    """The same for the OpenAPI page, whose roles may be services too."""
    return [{"token": sorted(admitted)}]


def admitted_by(endpoint: Callable[..., Any]) -> frozenset[str]:
    """Raises TypeError for a function that does not say."""
    admitted: frozenset[str] | None = getattr(endpoint, ADMITTED, None)
    if admitted is None:
        raise TypeError(f"{endpoint.__name__} does not say whom it admits: see chassis.admits")
    return admitted
