"""The catalogue through its contract."""

import json

import httpx
import pytest

from chassis.media import MERGE_PATCH

CANDLE = {"sku": "CANDLE-RED", "name": "Red candle", "price": "4.50", "currency": "EUR"}


async def create(service: httpx.AsyncClient, **changes: object) -> httpx.Response:
    return await service.post("/products", json={**CANDLE, **changes})


async def test_created_product_is_found(service: httpx.AsyncClient) -> None:
    created = await create(service, category="home", attributes={"wax": "bee", "grams": 120.5})
    assert created.status_code == 201
    assert created.headers["location"] == "/products/CANDLE-RED"
    found = await service.get(created.headers["location"])
    assert found.status_code == 200
    assert found.json() == created.json()
    assert found.json() | {"created_at": "", "updated_at": ""} == {
        "sku": "CANDLE-RED",
        "name": "Red candle",
        "description": None,
        "price": "4.50",
        "currency": "EUR",
        "category": "home",
        "attributes": {"wax": "bee", "grams": 120.5},
        "active": True,
        "version": 1,
        "created_at": "",
        "updated_at": "",
    }
    assert found.json()["created_at"].endswith("Z")


async def test_sku_can_be_taken_once(service: httpx.AsyncClient) -> None:
    await create(service)
    refused = await create(service, name="Another")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["type"] == "/problems/sku-taken"
    assert problem["status"] == 409
    assert problem["instance"] == "/products"
    assert problem["request_id"] == refused.headers["x-request-id"]


@pytest.mark.parametrize(
    ("price", "currency", "kept"),
    [
        ("19.99", "EUR", "19.99"),
        ("19.9", "EUR", "19.90"),
        (19.99, "EUR", "19.99"),
        (20, "EUR", "20.00"),
        ("500", "JPY", "500"),
        ("1.234", "KWD", "1.234"),
        ("0", "EUR", "0.00"),
        ("9999999999.99", "EUR", "9999999999.99"),
    ],
)
async def test_price_is_kept_exactly(
    service: httpx.AsyncClient, price: object, currency: str, kept: str
) -> None:
    created = await create(service, price=price, currency=currency)
    assert created.status_code == 201, created.text
    assert created.json()["price"] == kept


@pytest.mark.parametrize(
    ("price", "currency"),
    [
        ('"19.999"', "EUR"),
        ("19.990000000000000001", "EUR"),
        ('"0.5"', "JPY"),
        ('"1.2345"', "KWD"),
        ("NaN", "EUR"),
        ('"NaN"', "EUR"),
        ("Infinity", "EUR"),
        ("-Infinity", "EUR"),
        ("1e400", "EUR"),
        ("-0.01", "EUR"),
        ('"-1"', "EUR"),
        ('"10000000000"', "EUR"),
        ("true", "EUR"),
        ('"1_000"', "EUR"),
        ('" 1"', "EUR"),
        ('"\u0661"', "EUR"),
        ('"1.00"', "XXX"),
        ('"1.00"', "eur"),
    ],
)
async def test_price_that_is_none_is_refused(
    service: httpx.AsyncClient, price: str, currency: str
) -> None:
    body = f'{{"sku": "A", "name": "A", "price": {price}, "currency": "{currency}"}}'
    refused = await service.post(
        "/products", content=body.encode(), headers={"content-type": "application/json"}
    )
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["errors"]
    assert (await service.get("/products/A")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"sku": "has space"}, "#/sku"),
        ({"sku": "x" * 65}, "#/sku"),
        ({"name": "  "}, "#/name"),
        ({"name": "nul\u0000"}, "#/name"),
        ({"name": "x" * 201}, "#/name"),
        ({"name": 5}, "#/name"),
        ({"surprise": 1}, "#/surprise"),
        ({"attributes": {"a": "\u0000"}}, "#/attributes"),
        ({"attributes": [1]}, "#/attributes"),
    ],
)
async def test_wrong_member_is_named(
    service: httpx.AsyncClient, changes: dict[str, object], pointer: str
) -> None:
    refused = await create(service, **changes)
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/invalid-request"
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_key_gives_the_same_bytes_again(service: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await service.post("/products", json=CANDLE, headers=key)
    again = await service.post("/products", json=CANDLE, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    other = await service.post("/products", json=CANDLE | {"name": "B"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"] == "/problems/idempotency-key-reused"


async def test_lasting_refusal_is_kept_with_its_key(service: httpx.AsyncClient) -> None:
    await create(service)
    key = {"Idempotency-Key": "k2"}
    first = await service.post("/products", json=CANDLE, headers=key)
    again = await service.post("/products", json=CANDLE, headers=key)
    assert (first.status_code, again.status_code) == (409, 409)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_malformed_request_is_not_kept(service: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k3"}
    assert (await service.post("/products", json={"sku": "A"}, headers=key)).status_code == 422
    assert (await service.post("/products", json=CANDLE, headers=key)).status_code == 201


async def test_conditional_read(service: httpx.AsyncClient) -> None:
    await create(service)
    read = await service.get("/products/CANDLE-RED")
    same = await service.get(
        "/products/CANDLE-RED", headers={"If-None-Match": read.headers["etag"]}
    )
    assert same.status_code == 304
    assert same.content == b""
    await service.patch("/products/CANDLE-RED", json={"price": "5.00"})
    newer = await service.get(
        "/products/CANDLE-RED", headers={"If-None-Match": read.headers["etag"]}
    )
    assert newer.status_code == 200
    assert newer.json()["price"] == "5.00"


async def test_stale_change_is_refused(service: httpx.AsyncClient) -> None:
    await create(service)
    tag = (await service.get("/products/CANDLE-RED")).headers["etag"]
    first = await service.patch(
        "/products/CANDLE-RED", json={"name": "One"}, headers={"If-Match": tag}
    )
    assert first.status_code == 200
    assert first.json()["version"] == 2
    second = await service.put(
        "/products/CANDLE-RED",
        json={"name": "Two", "price": "1.00", "currency": "EUR"},
        headers={"If-Match": tag},
    )
    assert second.status_code == 412
    assert second.json()["type"] == "/problems/precondition-failed"
    assert (await service.get("/products/CANDLE-RED")).json()["name"] == "One"


async def test_change_checks_the_whole_product(service: httpx.AsyncClient) -> None:
    await create(service)
    refused = await service.patch("/products/CANDLE-RED", json={"currency": "JPY"})
    assert refused.status_code == 422
    assert (await service.patch("/products/CANDLE-RED", json={"name": None})).status_code == 422
    assert (await service.patch("/products/NONE", json={"name": "x"})).status_code == 404


async def test_withdrawn_product_still_answers(service: httpx.AsyncClient) -> None:
    await create(service)
    assert (await service.delete("/products/CANDLE-RED")).status_code == 204
    assert (await service.delete("/products/CANDLE-RED")).status_code == 204
    assert (await service.get("/products/CANDLE-RED")).json()["active"] is False
    assert (await service.get("/products")).json()["items"] == []
    named = (await service.get("/products?sku=CANDLE-RED")).json()["items"]
    assert [product["active"] for product in named] == [False]
    assert (await service.delete("/products/NONE")).status_code == 404


async def test_named_products_come_in_the_order_asked(service: httpx.AsyncClient) -> None:
    for sku in ("A", "B", "C"):
        await create(service, sku=sku)
    found = await service.get("/products?sku=C&sku=NONE&sku=A&sku=C")
    assert [product["sku"] for product in found.json()["items"]] == ["C", "A"]
    many = "&".join(f"sku=S{number}" for number in range(201))
    assert (await service.get(f"/products?{many}")).status_code == 422


async def test_list_pages_by_category(service: httpx.AsyncClient) -> None:
    for number in range(5):
        await create(service, sku=f"H{number}", category="home")
    await create(service, sku="G1", category="garden")
    seen, query = [], "category=home&limit=2"
    while query:
        page = (await service.get(f"/products?{query}")).json()
        seen += [product["sku"] for product in page["items"]]
        after = page["next_cursor"]
        query = after and f"category=home&limit=2&cursor={after}"
    assert seen == ["H0", "H1", "H2", "H3", "H4"]


async def test_category_is_one_in_whatever_case(service: httpx.AsyncClient) -> None:
    sigmas = ["\u03c2", "\u03a3", "\u03c3"]
    written = [
        f"{cafe} {sigma}" for cafe, sigma in zip(["Café", "CAFÉ", "café"], sigmas, strict=True)
    ]
    for number, category in enumerate(written):
        await create(service, sku=f"C{number}", category=category)
    await create(service, sku="OTHER", category="Cafe \u03c3")
    for category in written:
        found = (await service.get("/products", params={"category": category})).json()["items"]
        assert [product["sku"] for product in found] == ["C0", "C1", "C2"]
        assert [product["category"] for product in found] == written


async def test_category_that_reads_the_same_is_the_same(service: httpx.AsyncClient) -> None:
    written = ["Café", "Cafe\u0301", "Café ", "\u00a0Ca\u00adfé", "Café\u200b"]
    for number, category in enumerate(written):
        made = await create(service, sku=f"C{number}", category=category)
        assert made.json()["category"] == "Café"
    for category in written:
        found = (await service.get("/products", params={"category": category})).json()["items"]
        assert len(found) == len(written), category


NAMES = [
    "有机绿茶100克",
    "日本製の緑茶",
    "چای سبز",
    "हरी चाय",
    "ชาเขียว",
    "Зелёный чай",
    "👩‍🍳 tea",
    "می‌خواهم",
]


@pytest.mark.parametrize("name", NAMES)
async def test_names_of_all_scripts_are_kept(service: httpx.AsyncClient, name: str) -> None:
    made = await create(service, name=name, category=name, description=f"{name}\n{name}")
    assert (made.status_code, made.json()["name"]) == (201, name)
    (found,) = (await service.get("/products", params={"category": name})).json()["items"]
    assert found == made.json()
    assert found["description"] == f"{name}\n{name}"


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=WyJhIiwxXQ", "limit=0", "limit=201"])
async def test_wrong_paging_is_refused(service: httpx.AsyncClient, query: str) -> None:
    assert (await service.get(f"/products?{query}")).status_code == 422


async def test_bulk_takes_good_rows_and_reports_bad_ones(service: httpx.AsyncClient) -> None:
    await create(service, sku="OLD")
    rows = [
        {**CANDLE, "sku": "NEW"},
        {**CANDLE, "sku": "OLD", "price": "9.00"},
        {**CANDLE, "sku": "BAD", "price": "9.999"},
        {**CANDLE, "sku": "NEW", "name": "twice"},
        "no object",
        {"sku": "\ud800"},
    ]
    content = json.dumps({"products": rows}).encode()
    result = await service.post("/products/bulk", content=content, headers=JSON)
    assert result.status_code == 200, result.text
    body = result.json()
    assert (body["created"], body["updated"]) == (1, 1)
    assert [(error["index"], error["sku"]) for error in body["errors"]] == [
        (2, "BAD"),
        (3, "NEW"),
        (4, None),
        (5, None),
    ]
    assert (await service.get("/products/OLD")).json()["price"] == "9.00"


async def in_bulk(service: httpx.AsyncClient, *rows: dict[str, object]) -> dict[str, object]:
    products = [CANDLE | row for row in rows]
    result = await service.post("/products/bulk", json={"products": products})
    assert result.status_code == 200, result.text
    told: dict[str, object] = result.json()
    return told


@pytest.mark.parametrize("said", [{}, {"active": None}])
async def test_nightly_rows_put_nothing_back_on_sale(
    service: httpx.AsyncClient, said: dict[str, object]
) -> None:
    await create(service, sku="GONE")
    await create(service, sku="SOLD")
    await service.delete("/products/GONE")
    told = await in_bulk(service, *({"sku": sku, **said} for sku in ("GONE", "SOLD", "NEW")))
    assert (told["created"], told["updated"]) == (1, 2)
    listed = (await service.get("/products")).json()["items"]
    assert [product["sku"] for product in listed] == ["NEW", "SOLD"]
    gone = (await service.get("/products/GONE")).json()
    assert (gone["active"], gone["version"]) == (False, 3)


async def test_row_that_says_so_withdraws_or_puts_back(service: httpx.AsyncClient) -> None:
    await create(service, sku="GONE")
    await create(service, sku="SOLD")
    await service.delete("/products/GONE")
    rows = {"GONE": True, "SOLD": False, "NEW": False}
    told = await in_bulk(service, *({"sku": sku, "active": on} for sku, on in rows.items()))
    assert (told["created"], told["updated"], told["errors"]) == (1, 2, [])
    for sku, on in rows.items():
        assert (await service.get(f"/products/{sku}")).json()["active"] is on
    wrong = await in_bulk(service, {"sku": "GONE", "active": "no"})
    assert wrong["updated"] == 0


async def test_empty_cell_of_a_row_counts_as_left_out(service: httpx.AsyncClient) -> None:
    """CSV has cells, not members: what a file does not say is empty there."""
    await create(service, sku="GONE", description="Long", category="home", attributes={"a": 1})
    await service.delete("/products/GONE")
    empty = {"description": "", "category": "", "attributes": "", "active": ""}
    told = await in_bulk(service, {"sku": "GONE", **empty}, {"sku": "NEW", **empty})
    assert (told["created"], told["updated"], told["errors"]) == (1, 1, [])
    for sku, active in (("GONE", False), ("NEW", True)):
        kept = (await service.get(f"/products/{sku}")).json()
        assert (kept["description"], kept["category"], kept["attributes"]) == (None, None, {})
        assert kept["active"] is active
    needed = await in_bulk(service, {"sku": "NEW", "name": ""}, {"sku": "", "name": "x"})
    assert (needed["created"], needed["updated"]) == (0, 0)


async def test_empty_parameters_count_as_left_out(service: httpx.AsyncClient) -> None:
    await create(service)
    whole = await service.get("/products")
    assert (await service.get("/products?sku=&category=&limit=&cursor=")).json() == whole.json()
    named = (await service.get("/products?sku=&sku=CANDLE-RED")).json()["items"]
    assert [product["sku"] for product in named] == ["CANDLE-RED"]
    assert (await service.get("/products?skus=CANDLE-RED")).status_code == 422


async def test_no_filter_is_passed_over(service: httpx.AsyncClient) -> None:
    await create(service, category="home")
    refused = await service.get("/products?sku=CANDLE-RED&category=garden")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-request")


async def test_unknown_path_and_method_are_problems(service: httpx.AsyncClient) -> None:
    for answer, status in (
        (await service.get("/nowhere"), 404),
        (await service.put("/products", json={}), 405),
        (await service.post("/products", content=b"{", headers=JSON), 422),
        (await service.post("/products", content=b"a=b", headers=FORM), 415),
        (await service.post("/products", content=b"x" * (1024 * 1024 + 1), headers=JSON), 413),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_a_merge_patch_and_what_is_no_patch(service: httpx.AsyncClient) -> None:
    await service.post("/products", json=CANDLE | {"description": "Red.", "category": "home"})
    changes = b'{"description": null, "category": "", "name": "Candle"}'
    for kind, status in (
        ("application/merge-patch+json", 200),
        ("application/merge-patch+json; charset=utf-8", 200),
        ("application/json-patch+json", 415),
        ("text/plain", 415),
    ):
        answer = await service.patch(
            "/products/CANDLE-RED", content=changes, headers={"Content-Type": kind}
        )
        assert answer.status_code == status, kind
    assert answer.headers["accept-patch"] == "application/json, application/merge-patch+json"
    product = (await service.get("/products/CANDLE-RED")).json()
    assert (product["name"], product["description"], product["category"]) == ("Candle", None, None)
    refused = await service.patch("/products/CANDLE-RED", json={"name": ""})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/name"


async def test_a_patch_without_a_body_is_refused(service: httpx.AsyncClient) -> None:
    await create(service)
    refused = await service.patch("/products/CANDLE-RED")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-request")


async def test_attributes_are_merged_by_a_merge_patch_alone(service: httpx.AsyncClient) -> None:
    """RFC 7396: whoever sends one attribute, and calls it a merge patch, loses no other."""
    size = {"cm": 9, "inch": 4}
    await create(service, attributes={"wax": "bee", "colour": "red", "size": size})

    async def after(attributes: object, kind: str = MERGE_PATCH) -> object:
        answer = await service.patch(
            "/products/CANDLE-RED",
            content=json.dumps({"attributes": attributes}),
            headers={"Content-Type": kind},
        )
        return answer.json()["attributes"] if answer.status_code == 200 else answer.status_code

    rest = {"wax": "soy", "size": {"cm": 9}}
    assert await after({"wax": "soy", "colour": None, "size": {"inch": None}}) == rest
    assert await after({"new": {"a": None, "b": 1}}) == {**rest, "new": {"b": 1}}
    assert await after({}) == {**rest, "new": {"b": 1}}
    assert await after({f"a{number}": 1 for number in range(98)}) == 422
    assert await after({"wax": None}, "application/json") == {"wax": None}
    assert await after({"a": 1}, "Application/Merge-Patch+JSON; charset=utf-8") == {
        "wax": None,
        "a": 1,
    }
    for empty in (None, ""):
        assert await after({"a": 1}, "application/json") == {"a": 1}
        assert await after(empty) == {}
