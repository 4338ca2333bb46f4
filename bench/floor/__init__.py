"""The floor: a purchase with nothing in its way, to compare the fleet with. For nothing else.

The same hops between the same processes and the same statements in the same units of work, on
Starlette, aiohttp and asyncpg. No validation, problem documents, idempotency keys, metrics, logs,
deadlines or retries: it is wrong in every way that the services are there to be right in.
"""

from fleet.services import Service

# An eleventh process: one route of bare FastAPI, over the catalogue's table.
PLAIN_FASTAPI = Service("plain_fastapi", 11, "product", "a product by SKU, on bare FastAPI")
