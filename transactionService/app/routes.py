"""The ledger over HTTP."""

from uuid import UUID

from starlette.responses import Response

from chassis import (
    DEFAULT_LIMIT,
    Cursor,
    Db,
    Limit,
    OnceOnly,
    Page,
    PeersOf,
    Router,
    admits,
    refusals,
)

from . import orders, transactions
from .orders import UnknownOrder, UnknownOrderStatus
from .schemas import Balance, NewTransaction, Transaction
from .transactions import AlreadyCharged, AmountMismatch, NothingToPay, RefundExceedsCharge

router = Router(tags=["transactions"])


@router.post(
    "/transactions",
    status_code=201,
    response_model=Transaction,
    responses=refusals(
        UnknownOrder,
        UnknownOrderStatus,
        NothingToPay,
        AmountMismatch,
        AlreadyCharged,
        RefundExceedsCharge,
    ),
)
@admits("staff")
async def create_transaction(
    new: NewTransaction, db: Db, peers: PeersOf, once: OnceOnly
) -> Response:
    """Record a charge or a refund. Neither can be changed later: a refund corrects a charge."""
    minor = transactions.amount_of(new)
    if new.kind == "charge":
        transactions.must_match(new, await orders.find(peers["order"], new.order_id))
    elif not await transactions.is_charged(db, new.order_id):
        await orders.find(peers["order"], new.order_id)
    async with once.unit_of_work() as work:
        transaction = await transactions.record(work, new, minor)
        return await once.created(work, transaction, f"/transactions/{transaction.transaction_id}")


@router.get("/transactions")
@admits("staff")
async def list_transactions(
    db: Db, order_id: UUID | None = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Transaction]:
    """Newest first."""
    return await transactions.listed(db, order_id, limit, cursor)


@router.get("/transactions/{transaction_id}")
@admits("staff")
async def read_transaction(transaction_id: UUID, db: Db) -> Transaction:
    """A movement of money as it was written; it never changes."""
    return await transactions.find(db, transaction_id)


@router.get("/balances/{order_id}")
@admits("staff")
async def read_balance(order_id: UUID, db: Db, peers: PeersOf) -> Balance:
    """What was charged and refunded for an order; 404 when nothing was yet, though there is
    something to charge."""
    return await transactions.find_balance(db, order_id, peers["order"])
