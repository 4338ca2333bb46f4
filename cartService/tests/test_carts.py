"""Carts through their contract, over a fake catalogue."""

import asyncio
import json
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

CHOSEN = "0190b6a4-0000-7000-8000-00000000000a"


class Catalogue:
    """Answers as product_catalogueService would."""

    def __init__(self) -> None:
        self.products: dict[str, dict[str, object]] = {}
        self.down = False
        self.asked = 0

    def sell(self, sku: str, price: str = "4.50", **changes: object) -> None:
        product = {"sku": sku, "name": f"The {sku}", "price": price, "currency": "EUR"}
        self.products[sku] = {**product, "active": True, **changes}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.down:
            raise httpx.ConnectError("down")
        skus = request.url.params.get_list("sku")
        items = [self.products[sku] for sku in skus if sku in self.products]
        return httpx.Response(200, json={"items": items, "next_cursor": None})


@pytest.fixture
def catalogue() -> Catalogue:
    catalogue = Catalogue()
    catalogue.sell("CANDLE", "4.50")
    catalogue.sell("LAMP", "19.99")
    catalogue.sell("FULL")
    catalogue.sell("EXACT")
    return catalogue


@pytest.fixture
def peers(catalogue: Catalogue) -> Catalogue:
    return catalogue


async def add(
    service: httpx.AsyncClient, cart: str, sku: str, quantity: int = 1, key: str | None = None
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"sku": sku, "quantity": quantity}
    return await service.post(f"/carts/{cart}/items", json=body, headers=headers)


async def fill(database_url: str, cart: str, lines: int) -> None:
    db = await asyncpg.connect(database_url)
    await db.execute(
        "INSERT INTO cart.cartlines (cart_id, sku, name, quantity, unit_price_minor, currency) "
        "SELECT $1, 'S' || n, 'S', 1, 1, 'EUR' FROM generate_series(1, $2::int) n",
        UUID(cart),
        lines,
    )
    await db.close()


async def check_out(
    service: httpx.AsyncClient, cart: str, order: str, version: int
) -> httpx.Response:
    body = {"order_id": order, "version": version}
    return await service.put(f"/carts/{cart}/checkout", json=body)


async def version_of(service: httpx.AsyncClient, cart: str) -> int:
    return int((await service.get(f"/carts/{cart}")).json()["version"])


def content(cart: httpx.Response) -> list[tuple[str, int]]:
    return [(item["sku"], item["quantity"]) for item in cart.json()["items"]]


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_created_cart_is_found(service: httpx.AsyncClient) -> None:
    customer = str(uuid4())
    created = await service.post("/carts", json={"customer_id": customer})
    assert created.status_code == 201
    cart = created.json()
    assert created.headers["location"] == f"/carts/{cart['cart_id']}"
    assert UUID(cart["cart_id"]).version == 7
    assert (await service.get(created.headers["location"])).json() == cart
    assert cart.pop("updated_at").endswith("Z")
    assert cart == {
        "cart_id": cart["cart_id"],
        "customer_id": customer,
        "status": "open",
        "order_id": None,
        "items": [],
        "item_count": 0,
        "subtotal": None,
        "currency": None,
        "version": 1,
    }


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_cart_may_be_nobodys(service: httpx.AsyncClient, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    created = await service.post("/carts", content=body, headers=headers)
    assert created.status_code == 201
    assert created.json()["customer_id"] is None


async def test_items_are_priced_by_the_catalogue(service: httpx.AsyncClient) -> None:
    await add(service, CHOSEN, "LAMP", 2)
    cart = await add(service, CHOSEN, "CANDLE")
    assert cart.status_code == 200
    assert cart.json()["items"] == [
        {
            "sku": "LAMP",
            "name": "The LAMP",
            "quantity": 2,
            "unit_price": "19.99",
            "currency": "EUR",
            "line_total": "39.98",
        },
        {
            "sku": "CANDLE",
            "name": "The CANDLE",
            "quantity": 1,
            "unit_price": "4.50",
            "currency": "EUR",
            "line_total": "4.50",
        },
    ]
    assert (cart.json()["item_count"], cart.json()["subtotal"]) == (3, "44.48")
    assert (await service.get(f"/carts/{CHOSEN}")).json() == cart.json()


async def test_adding_again_takes_the_price_of_now(
    service: httpx.AsyncClient, catalogue: Catalogue
) -> None:
    await add(service, CHOSEN, "LAMP")
    await add(service, CHOSEN, "CANDLE")
    catalogue.sell("LAMP", "25.00", name="New lamp")
    cart = (await add(service, CHOSEN, "LAMP", 2)).json()
    lamp = cart["items"][0]
    assert (lamp["name"], lamp["quantity"], lamp["line_total"]) == ("New lamp", 3, "75.00")
    assert cart["version"] == 3


async def test_mixed_currencies_have_no_subtotal(
    service: httpx.AsyncClient, catalogue: Catalogue
) -> None:
    catalogue.sell("FAN", "500", currency="JPY")
    await add(service, CHOSEN, "LAMP")
    cart = (await add(service, CHOSEN, "FAN", 2)).json()
    assert (cart["subtotal"], cart["currency"], cart["item_count"]) == (None, None, 3)
    assert cart["items"][1]["line_total"] == "1000"


async def test_unknown_and_withdrawn_products_are_refused(
    service: httpx.AsyncClient, catalogue: Catalogue
) -> None:
    catalogue.sell("GONE", active=False)
    for sku in ("GONE", "NEVER"):
        refused = await add(service, CHOSEN, sku)
        assert problem(refused) == (422, "unknown-sku")
        assert refused.json()["sku"] == sku
    assert (await service.get(f"/carts/{CHOSEN}")).status_code == 404


async def test_catalogue_that_is_down_leaves_nothing(
    service: httpx.AsyncClient, catalogue: Catalogue
) -> None:
    catalogue.down = True
    refused = await add(service, CHOSEN, "LAMP", key="k")
    assert problem(refused) == (503, "dependency-unavailable")
    assert refused.json()["dependency"] == "product_catalogue"
    assert refused.headers["retry-after"]
    assert (await service.get(f"/carts/{CHOSEN}")).status_code == 404
    catalogue.down = False
    assert content(await add(service, CHOSEN, "LAMP", key="k")) == [("LAMP", 1)]


async def test_key_adds_once(service: httpx.AsyncClient) -> None:
    answers = [await add(service, CHOSEN, "LAMP", 2, key="k") for _ in range(2)]
    raced = await asyncio.gather(*(add(service, CHOSEN, "CANDLE", 3, key="r") for _ in range(8)))
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert len({answer.content for answer in raced}) == 1
    assert content(await service.get(f"/carts/{CHOSEN}")) == [("LAMP", 2), ("CANDLE", 3)]


async def test_key_keeps_its_answer_whatever_comes(
    service: httpx.AsyncClient, catalogue: Catalogue
) -> None:
    first = await add(service, CHOSEN, "LAMP", 2, key="k")
    catalogue.sell("LAMP", active=False)
    assert (await add(service, CHOSEN, "LAMP", 2, key="k")).content == first.content
    catalogue.down = True
    assert (await add(service, CHOSEN, "LAMP", 2, key="k")).content == first.content


async def test_concurrent_adding_loses_nothing(service: httpx.AsyncClient) -> None:
    await asyncio.gather(*(add(service, CHOSEN, "LAMP", 2) for _ in range(20)))
    cart = await service.get(f"/carts/{CHOSEN}")
    assert content(cart) == [("LAMP", 40)]
    assert cart.json()["version"] == 20


@pytest.mark.parametrize("quantity", [0, -1, 1000, 1.5, "1", True, None])
async def test_quantity_that_is_none_is_refused(
    service: httpx.AsyncClient, quantity: object
) -> None:
    await add(service, CHOSEN, "LAMP")
    body = json.dumps({"sku": "LAMP", "quantity": quantity}).encode()
    headers = {"content-type": "application/json"}
    added = await service.post(f"/carts/{CHOSEN}/items", content=body, headers=headers)
    changed = await service.put(f"/carts/{CHOSEN}/items/LAMP", json={"quantity": quantity})
    for refused in (added, changed):
        assert problem(refused) == (422, "invalid-request")
        assert refused.json()["errors"][0]["pointer"] == "#/quantity"


async def test_line_holds_999(service: httpx.AsyncClient) -> None:
    await add(service, CHOSEN, "LAMP", 999)
    refused = await add(service, CHOSEN, "LAMP")
    assert problem(refused) == (409, "line-limit")
    cart = await service.get(f"/carts/{CHOSEN}")
    assert content(cart) == [("LAMP", 999)]
    assert cart.json()["version"] == 1


async def test_cart_holds_2000_lines(service: httpx.AsyncClient, database_url: str) -> None:
    await add(service, CHOSEN, "LAMP")
    await fill(database_url, CHOSEN, 1999)
    assert problem(await add(service, CHOSEN, "CANDLE")) == (409, "cart-full")
    assert (await add(service, CHOSEN, "LAMP")).json()["item_count"] == 2001


async def test_quantity_is_set_and_items_removed(service: httpx.AsyncClient) -> None:
    await add(service, CHOSEN, "LAMP", 5)
    await add(service, CHOSEN, "CANDLE")
    changed = await service.put(f"/carts/{CHOSEN}/items/LAMP", json={"quantity": 2})
    assert (changed.status_code, content(changed)) == (200, [("LAMP", 2), ("CANDLE", 1)])
    removed = await service.delete(f"/carts/{CHOSEN}/items/LAMP")
    assert (removed.status_code, content(removed)) == (200, [("CANDLE", 1)])
    assert removed.json()["version"] == 4


async def test_what_is_not_there_is_404(service: httpx.AsyncClient) -> None:
    await add(service, CHOSEN, "LAMP")
    nowhere = f"/carts/{uuid4()}"
    for answer in (
        await service.get(nowhere),
        await service.delete(nowhere),
        await service.get("/carts/no-uuid"),
        await service.put(f"{nowhere}/items/LAMP", json={"quantity": 1}),
        await service.put(f"/carts/{CHOSEN}/items/CANDLE", json={"quantity": 1}),
        await service.delete(f"/carts/{CHOSEN}/items/CANDLE"),
        await service.post(f"{nowhere}/merge", json={"from_cart_id": CHOSEN}),
        await check_out(service, str(uuid4()), str(uuid4()), 1),
    ):
        assert problem(answer) == (404, "not-found")
    assert await version_of(service, CHOSEN) == 1


async def test_deleted_cart_is_gone(service: httpx.AsyncClient) -> None:
    cart = (await service.post("/carts", json={"customer_id": str(uuid4())})).json()["cart_id"]
    await add(service, cart, "LAMP")
    assert (await service.delete(f"/carts/{cart}")).status_code == 204
    assert (await service.get(f"/carts/{cart}")).status_code == 404
    assert (await service.delete(f"/carts/{cart}")).status_code == 404
    anew = await add(service, cart, "CANDLE")
    assert content(anew) == [("CANDLE", 1)]
    assert anew.json()["customer_id"] is None


async def test_cart_made_anew_is_never_at_an_old_version(service: httpx.AsyncClient) -> None:
    old = (await add(service, CHOSEN, "LAMP")).json()["version"]
    await service.delete(f"/carts/{CHOSEN}")
    assert (await add(service, CHOSEN, "CANDLE")).json()["version"] > old
    assert problem(await check_out(service, CHOSEN, str(uuid4()), old)) == (409, "cart-changed")


async def test_merged_items_join_and_leave(
    service: httpx.AsyncClient, catalogue: Catalogue
) -> None:
    other = str(uuid4())
    await add(service, CHOSEN, "LAMP", 2)
    catalogue.sell("LAMP", "1.00")
    await add(service, other, "CANDLE", 4)
    await add(service, other, "LAMP", 3)
    merged = await service.post(f"/carts/{CHOSEN}/merge", json={"from_cart_id": other})
    assert (merged.status_code, content(merged)) == (200, [("LAMP", 5), ("CANDLE", 4)])
    assert merged.json()["items"][0]["unit_price"] == "19.99"
    assert merged.json()["capped"] == []
    left = (await service.get(f"/carts/{other}")).json()
    assert (left["items"], left["status"], left["version"]) == ([], "open", 3)


async def test_merge_caps_what_a_line_cannot_hold_and_says_so(service: httpx.AsyncClient) -> None:
    other = str(uuid4())
    for sku, here, there in (("FULL", 999, 1), ("LAMP", 600, 600), ("EXACT", 500, 499)):
        await add(service, CHOSEN, sku, here)
        await add(service, other, sku, there)
    await add(service, other, "CANDLE", 999)
    path, body, key = f"/carts/{CHOSEN}/merge", {"from_cart_id": other}, {"Idempotency-Key": "k"}
    merged = await service.post(path, json=body, headers=key)
    assert merged.status_code == 200, merged.text
    assert merged.json()["capped"] == ["FULL", "LAMP"]
    assert content(merged) == [("FULL", 999), ("LAMP", 999), ("EXACT", 999), ("CANDLE", 999)]
    assert content(await service.get(f"/carts/{other}")) == []
    assert (await service.post(path, json=body, headers=key)).content == merged.content
    again = await service.post(path, json=body)
    assert (content(again), again.json()["capped"]) == (content(merged), [])
    assert "capped" not in (await service.get(f"/carts/{CHOSEN}")).json()


async def test_merge_is_refused_as_a_whole(service: httpx.AsyncClient, database_url: str) -> None:
    other = str(uuid4())
    await add(service, CHOSEN, "LAMP", 500)
    await fill(database_url, CHOSEN, 1999)
    await add(service, other, "CANDLE")
    await add(service, other, "LAMP", 500)
    path, body = f"/carts/{CHOSEN}/merge", {"from_cart_id": other}
    assert problem(await service.post(path, json=body)) == (409, "cart-full")
    assert content(await service.get(f"/carts/{CHOSEN}"))[0] == ("LAMP", 500)
    assert content(await service.get(f"/carts/{other}")) == [("CANDLE", 1), ("LAMP", 500)]
    unknown = await service.post(path, json={"from_cart_id": str(uuid4())})
    assert problem(unknown) == (422, "unknown-cart")
    itself = await service.post(path, json={"from_cart_id": CHOSEN})
    assert problem(itself) == (422, "invalid-request")
    order = str(uuid4())
    await check_out(service, other, order, 2)
    closed = await service.post(path, json=body)
    assert problem(closed) == (409, "cart-checked-out")
    assert closed.json()["order_id"] == order


async def test_carts_merged_into_each_other_do_not_deadlock(service: httpx.AsyncClient) -> None:
    other = str(uuid4())
    await add(service, CHOSEN, "LAMP", 7)
    await add(service, other, "LAMP", 8)
    pairs = [(CHOSEN, other), (other, CHOSEN)] * 10
    answers = await asyncio.gather(
        *(service.post(f"/carts/{to}/merge", json={"from_cart_id": frm}) for to, frm in pairs)
    )
    assert {answer.status_code for answer in answers} == {200}
    items = [content(await service.get(f"/carts/{cart}")) for cart in (CHOSEN, other)]
    assert sorted(items) == [[], [("LAMP", 15)]]


async def test_checked_out_cart_does_not_change(service: httpx.AsyncClient) -> None:
    order = str(uuid4())
    version = (await add(service, CHOSEN, "LAMP")).json()["version"]
    closed = await check_out(service, CHOSEN, order, version)
    assert closed.status_code == 200
    assert (closed.json()["status"], closed.json()["order_id"]) == ("checked_out", order)
    again = await check_out(service, CHOSEN, order, version)
    assert (again.status_code, again.content) == (200, closed.content)
    other = await check_out(service, CHOSEN, str(uuid4()), version)
    for refused in (
        other,
        await add(service, CHOSEN, "LAMP"),
        await service.put(f"/carts/{CHOSEN}/items/LAMP", json={"quantity": 2}),
        await service.delete(f"/carts/{CHOSEN}/items/LAMP"),
        await service.delete(f"/carts/{CHOSEN}"),
        await service.post(f"/carts/{CHOSEN}/merge", json={"from_cart_id": str(uuid4())}),
    ):
        assert problem(refused) == (409, "cart-checked-out")
        assert refused.json()["order_id"] == order
    assert (await service.get(f"/carts/{CHOSEN}")).content == closed.content


async def test_checkout_of_a_stale_or_empty_cart_is_refused(service: httpx.AsyncClient) -> None:
    version = (await add(service, CHOSEN, "LAMP")).json()["version"]
    newer = (await add(service, CHOSEN, "LAMP")).json()["version"]
    stale = await check_out(service, CHOSEN, str(uuid4()), version)
    assert problem(stale) == (409, "cart-changed")
    assert stale.json()["version"] == newer
    empty = (await service.post("/carts", json={})).json()["cart_id"]
    assert problem(await check_out(service, empty, str(uuid4()), 1)) == (409, "cart-empty")


async def test_nothing_is_added_after_checkout(service: httpx.AsyncClient) -> None:
    """Checkout and adding race: what was acknowledged is in the cart that was closed."""
    for _ in range(20):
        cart = str(uuid4())
        version = (await add(service, cart, "LAMP")).json()["version"]
        closing, adding = await asyncio.gather(
            check_out(service, cart, str(uuid4()), version), add(service, cart, "LAMP")
        )
        assert sorted((closing.status_code, adding.status_code)) == [200, 409]
        left = content(await service.get(f"/carts/{cart}"))
        assert left == [("LAMP", 1 if closing.status_code == 200 else 2)]
