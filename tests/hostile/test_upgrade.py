"""Money, and clients that ask for another protocol: Java's own does, over plain HTTP."""

import asyncio
import json

from fleet.services import BY_NAME
from tests.fleets import Fleet
from tests.shop import Shop

ASKS = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARA\r\n"


async def test_a_part_is_refunded_and_not_all(fleet: Fleet, shop: Shop) -> None:
    """1.00 of 69.00, as Java's client asks for it: the head first, and then the body."""
    order = await shop.order({await shop.product(price="69.00"): 1})
    payment = (await shop.pay(order)).json()
    body = b'{"amount": "1.00"}'
    head = (
        b"POST /payments/%b/refunds HTTP/1.1\r\nHost: localhost\r\n%b"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ) % (payment["payment_id"].encode(), ASKS, len(body))
    port = BY_NAME["payment"].port(fleet.base)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    await writer.drain()
    writer.write(body)
    answered = await reader.readuntil(b"\r\n\r\n")
    length = int(answered.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    refund = json.loads(await reader.readexactly(length))
    writer.close()
    assert answered.startswith(b"HTTP/1.1 201 ")
    assert refund["amount"] == "1.00"
    found = await shop.get("payment", f"/payments/{payment['payment_id']}")
    assert (found["status"], found["refunded"]) == ("captured", "1.00")
