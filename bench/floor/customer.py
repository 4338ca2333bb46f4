"""customerService, bare."""

import json
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from customerService.app.customers import FIND

from .bare import ANYBODY, answer, db_of, service


async def read(request: Request) -> Response:
    customer_id = UUID(request.path_params["customer_id"])
    row = await db_of(request).fetchrow(FIND, customer_id, ANYBODY)
    assert row is not None
    names = ("customer_id", "email", "name", "phone", "created_at", "updated_at")
    body = {name: row[name] for name in names}
    return answer(body | {"address": row["address"] and json.loads(row["address"])})


app = service(Route("/customers/{customer_id}", read))
