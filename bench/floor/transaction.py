"""transactionService, bare."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from transactionService.app.transactions import CHARGE, KINDS

from .bare import answer, body_of, major, minor, peers_of, service, unit_of_work

PLAIN = ("transaction_id", "order_id", "kind", "currency", "reference", "created_at")


async def create(request: Request) -> Response:
    new = await body_of(request)
    order_id, amount, currency = UUID(new["order_id"]), minor(new["amount"]), new["currency"]
    await peers_of(request)["order"].ask("GET", f"/orders/{order_id}/payable")
    async with unit_of_work(request) as db:
        _, *accounts = KINDS["charge"]
        row = await db.fetchrow(CHARGE, order_id, currency, amount, "charge", None, *accounts)
        assert row is not None
        made = {name: row[name] for name in PLAIN}
        return answer(made | {"amount": major(row["amount_minor"])}, 201)


app = service(Route("/transactions", create, methods=["POST"]), peers=("order",))
