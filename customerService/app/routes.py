"""The customers over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from chassis import (
    DEFAULT_LIMIT,
    ContextOf,
    Cursor,
    Db,
    Limit,
    OnceOnly,
    Page,
    PreconditionsOf,
    Problem,
    Router,
    Text,
    admits,
    owner,
    refusals,
)
from chassis.context import current

from . import customers, subjects, twins
from .customers import CustomerExists, EmailTaken
from .emails import is_own
from .schemas import Customer, CustomerChanges, Export, NewCustomer, Twin
from .subjects import ExportNotReady

router = Router(tags=["customers"])


class EmailNotVerified(Problem, status=403, remembered=False):
    """A customer has the e-mail address that their identity provider has verified, and no other.

    Verify the address there, and come back with a new token.
    """


# Any text may be asked for: what is no e-mail address is simply nobody's.
AskedEmail = Annotated[
    Annotated[Text, Field(max_length=254)] | None,
    Query(description="Only the customer with this address, however it is written."),
]


@router.post(
    "/customers",
    status_code=201,
    response_model=Customer,
    responses=refusals(EmailTaken, CustomerExists, EmailNotVerified),
)
@admits("customer", "staff")
async def create_customer(new: NewCustomer, once: OnceOnly) -> Response:
    """One e-mail address has one customer, however it is written."""
    _check_own(new.email)
    async with once.unit_of_work() as db:
        customer = await customers.create(db, new, owner())
        location = f"/customers/{customer.customer_id}"
        # The key knows whom its answer is about, so that erasing them finds it.
        return await once.created(db, customer, location, about=customer.customer_id)


@router.get("/customers")
@admits("customer", "staff")
async def list_customers(
    db: Db, email: AskedEmail = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Customer]:
    """Newest first; erased ones are not listed."""
    if email is not None:
        return Page(items=await customers.find_by_email(db, email, owner()))
    return await customers.listed(db, limit, cursor, owner())


@router.get("/customers/{customer_id}")
@admits("customer", "staff", services=("order",))
async def read_customer(customer_id: UUID, db: Db) -> Customer:
    """A customer who was erased is not found."""
    return await customers.find(db, customer_id, owner())


@router.get("/twins")
@admits("staff")
async def list_twins(db: Db, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[Twin]:
    """Customers of one e-mail address, from before its ways of writing were one: for a person to
    decide. Oldest first; `twin_of` is who had it first, and has it still."""
    return await twins.listed(db, limit, cursor)


@router.get(
    "/customers/{customer_id}/export",
    response_model=Export,
    responses=refusals(ExportNotReady),
)
@admits("customer", "staff")
async def export_customer(customer_id: UUID, context: ContextOf) -> Response:
    """All the personal data that the services hold of this customer."""
    told = await subjects.export(context, customer_id, owner())
    return Response(told, media_type="application/json")


@router.patch("/customers/{customer_id}", responses=refusals(EmailTaken, EmailNotVerified))
@admits("customer", "staff")
async def change_customer(
    customer_id: UUID, changes: CustomerChanges, db: Db, preconditions: PreconditionsOf
) -> Customer:
    """What is left out stays; an address is replaced as a whole."""
    if changes.email:
        _check_own(changes.email)
    async with db.unit_of_work() as work:
        return await customers.change(work, customer_id, changes, owner(), preconditions)


@router.delete("/customers/{customer_id}", status_code=204)
@admits("customer", "staff")
async def erase_customer(customer_id: UUID, db: Db, preconditions: PreconditionsOf) -> None:
    """Erase the personal data for good, here at once, and within seconds in the services that hold
    some. The id stays, and the e-mail address is free again."""
    async with db.unit_of_work() as work:
        if await customers.erase(work, customer_id, owner(), preconditions):
            await subjects.asked_for_erasure(work, customer_id)


def _check_own(email: str) -> None:
    """Called before anything is looked up, so that nobody learns whether another customer has the
    address. Raises EmailNotVerified."""
    if not is_own(email, current().caller.email):
        raise EmailNotVerified()
