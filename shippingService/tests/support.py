"""What shipping's tests share: orders as their service tells them, and a few calls."""

import httpx

from tests.order_peer import OrderPeer

HOME = {
    "line1": "1 Wax Lane",
    "line2": None,
    "city": "Kerzendorf",
    "region": None,
    "postal_code": "12345",
    "country": "DE",
}
WORK = HOME | {"line1": "2 Wick Road", "line2": "Floor 3"}


class Orders(OrderPeer):
    def place(self, status: str = "paid", shipping_address: object = None) -> str:
        return self.hold(status=status, shipping_address=shipping_address)

    def becomes(self, order_id: str, status: str) -> None:
        self.placed[f"/orders/{order_id}"]["status"] = status


async def ship(
    service: httpx.AsyncClient, order_id: str, key: str = "", **members: object
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await service.post("/shipments", json={"order_id": order_id, **members}, headers=headers)


async def move(
    service: httpx.AsyncClient, shipment_id: str, status: str, key: str = "", **members: object
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await service.post(
        f"/shipments/{shipment_id}/events", json={"status": status, **members}, headers=headers
    )


async def shipped(service: httpx.AsyncClient, orders: Orders, *statuses: str) -> str:
    """The id of a new shipment that has come through these statuses."""
    shipment_id: str = (await ship(service, orders.place())).json()["shipment_id"]
    for status in statuses:
        assert (await move(service, shipment_id, status)).status_code == 200
    return shipment_id


async def count(service: httpx.AsyncClient, order_id: str) -> int:
    return len((await service.get(f"/shipments?order_id={order_id}")).json()["items"])
