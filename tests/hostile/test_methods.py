"""Every method of every path, and every kind of request line, before any token is asked for."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fleet.services import BY_NAME, SERVICES
from tests.fleets import Fleet
from tests.hostile import raw
from tests.shop import Shop

EVERY = pytest.mark.parametrize("service", [service.name for service in SERVICES])

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PAGES = ("/docs", "/redoc", "/openapi.json", "/docs/assets/favicon.png")

# Where there is nothing.
NOWHERE = (
    "//", "/?x", "/../..", "//evil.example/x", "/%zz", "/%ff%fe", "/%00", "/%2e%2e/%2e%2e/x",
    "/;a=b", "/\\", "/[]", "/{}", "/a:b@c", "http://localhost", "http://localhost/", "HTTP://s//x",
    "https://[::1]/nothing?q", "/" + "x" * 5000, "/?" + "q" * 5000, "/x#y", "/*", "/%2a",
)  # fmt: skip
# No target at all.
NONSENSE = (
    "", "?x", "#x", "*x", "**", "x", "x/y", "localhost:80", "ftp://localhost/livez", "mailto:me",
    "http://", "http:///livez", "http://localhost:99999999/x", "/\xff", "/a\x7f", "/a\tb", "\\",
    "//\x00", "javascript:alert(1)", "file:///etc/passwd", "%2flivez", ".", "..", "[::1]",
)  # fmt: skip


@EVERY
async def test_any_request_line_has_an_answer(fleet: Fleet, service: str) -> None:
    port = BY_NAME[service].port(fleet.base)
    for version in ("1.0", "1.1"):
        for method in ("GET", "OPTIONS", "DELETE", "POST"):
            for target in NOWHERE:
                answer = await raw.request(port, f"{method} {target} HTTP/{version}")
                assert answer.status == 404, (method, target, answer)
            for target in NONSENSE:
                answer = await raw.request(port, f"{method} {target} HTTP/{version}")
                assert_refused(answer, 400)
                assert "date" in answer.headers
        for line in ("GET *", "POST *", "TRACE *", "CONNECT *", "CONNECT localhost:80"):
            assert_refused(await raw.request(port, f"{line} HTTP/{version}"), 400)
        for method in ("get", "FOO", "G\xc9T", "", "GET\t", "*", "OPTIONS*"):
            assert_refused(await raw.request(port, f"{method} /livez HTTP/{version}"), 400)
        for target in ("/livez?" + "x" * 5000, "http://localhost/livez", "HTTPS://any/livez?q"):
            assert (await raw.request(port, f"GET {target} HTTP/{version}")).status == 200
    assert_refused(await raw.request(port, f"GET /{'x' * 70_000} HTTP/1.1"), 431)
    assert_refused(await raw.request(port, "GET /livez HTTP/3.0"), 400)


def assert_refused(answer: raw.Raw, *statuses: int) -> None:
    assert answer.status in statuses, answer
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status
    assert told["type"].startswith("/problems/")
    assert "framework" not in told["title"]


@EVERY
async def test_the_server_as_such_has_options(fleet: Fleet, service: str) -> None:
    """As proxies ask for them; a head without a Host is what HTTP/1.0 allows."""
    port = BY_NAME[service].port(fleet.base)
    for line, headers in (
        ("OPTIONS * HTTP/1.1", "Host: localhost\r\n"),
        ("OPTIONS * HTTP/1.0", ""),
        ("OPTIONS * HTTP/1.0", "User-Agent: Apache (internal dummy connection)\r\n"),
    ):
        answer = await raw.request(port, line, headers)
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["allow"].split(", ") == list(METHODS)
        assert "content-type" not in answer.headers


def methods_of(document: Any, path: str) -> set[str]:
    """Of all templates that a path matches."""
    found: set[str] = set()
    for template, operations in document["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found |= {method.upper() for method in operations}
    return found | ({"HEAD"} if "GET" in found else set()) | {"OPTIONS"}


async def paths_of(service: httpx.AsyncClient) -> dict[str, set[str]]:
    """A path for each template, and its methods."""
    document = (await service.get("/openapi.json")).json()
    filled = {re.sub(r"\{\w+\}", "0000", template) for template in document["paths"]}
    found = {path: methods_of(document, path) for path in filled}
    return found | {page: {"GET", "HEAD", "OPTIONS"} for page in PAGES}


@EVERY
async def test_options_names_every_method_of_a_path(shop: Shop, service: str) -> None:
    for path, methods in (await paths_of(shop[service])).items():
        answer = await shop[service].request("OPTIONS", path)
        assert (answer.status_code, answer.content) == (204, b""), path
        assert set(answer.headers["allow"].split(", ")) == methods, path
        assert "content-type" not in answer.headers
        for other in {*METHODS, "TRACE", "PROPFIND", "PURGE"} - methods:
            refused = await shop[service].request(other, path)
            assert refused.status_code == 405, (other, path)
            assert set(refused.headers["allow"].split(", ")) == methods, (other, path)
            if other != "HEAD":
                assert refused.json()["type"] == "/problems/method-not-allowed"
    for method in (*METHODS, "TRACE"):
        assert (await shop[service].request(method, "/nothing-here")).status_code == 404


async def things(shop: Shop) -> dict[str, list[str]]:
    """Paths of things that are there, by service."""
    sku = await shop.product(price="3.00")
    order = await shop.order({sku: 2})
    payment = (await shop.pay(order)).json()["payment_id"]
    job = await shop.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})
    charge = {"order_id": order["order_id"], "amount": "6.00", "currency": "EUR"}
    await shop["transaction"].post("/transactions", json=charge)
    await shop["search"].put(f"/index/{sku}", json={"name": "Thing"})
    return {
        "product_catalogue": [f"/products/{sku}", "/products", f"/products?sku={sku}"],
        "cart": [f"/carts/{order['cart_id']}"],
        "order": [f"/orders/{order['order_id']}", "/orders?limit=1"],
        "transaction": [f"/balances/{order['order_id']}"],
        "customer": [f"/customers/{order['customer_id']}"],
        "payment": [f"/payments/{payment}", f"/payments/{payment}/refunds"],
        "search": [f"/search?q={sku}", "/suggest?q=thi"],
        "shipping": [f"/shipments/{job['shipment_id']}"],
        "warehouse": [f"/stock/{sku}", f"/stock/{sku}/movements"],
        "fulfilment": [f"/fulfilments/{job['job_id']}"],
    }


# Of each answer its own, or of the moment.
OWN = {"date", "x-request-id", "traceparent"}


def comparable(answer: httpx.Response, path: str) -> dict[str, str]:
    moving = OWN | ({"content-length"} if path == "/metrics" else set())
    return {name: value for name, value in answer.headers.items() if name not in moving}


async def test_head_is_what_get_is_without_its_body(shop: Shop) -> None:
    """Of what is there, and of what is not."""
    there = await things(shop)
    for service in SERVICES:
        client = shop[service.name]
        gets = [path for path, methods in (await paths_of(client)).items() if "GET" in methods]
        for path in [*gets, *there[service.name], "/nothing-here"]:
            got, head = await client.get(path), await client.head(path)
            assert head.status_code == got.status_code, (service.name, path)
            assert comparable(head, path) == comparable(got, path), (service.name, path)
            assert "content-length" in head.headers, path
            assert head.content == b""
        for path in there[service.name]:
            assert (await client.head(path)).status_code == 200, path


async def test_head_of_a_known_version_is_not_modified(shop: Shop) -> None:
    path = f"/products/{await shop.product()}"
    tag = (await shop["product_catalogue"].head(path)).headers["etag"]
    again = await shop["product_catalogue"].head(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.headers["etag"]) == (304, tag)


@EVERY
async def test_the_connection_goes_on_after_head(fleet: Fleet, service: str) -> None:
    """What HEAD leaves out is not sent as part of the next answer."""
    port = BY_NAME[service].port(fleet.base)
    lines = [
        "HEAD /livez",
        "HEAD /openapi.json",
        "HEAD /nothing",
        "OPTIONS /livez",
        "DELETE /livez",
    ]
    asked = b"".join(f"{line} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for line in lines)
    last = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answers = re.findall(rb"HTTP/1\.1 (\d+) ", await raw.tell(port, asked + last))
    assert answers == [b"200", b"200", b"404", b"204", b"405", b"200"]


def personal() -> Iterator[str]:
    for service in SERVICES:
        if service.name not in ("product_catalogue", "search", "warehouse"):
            yield service.name


async def test_nobody_keeps_what_belongs_to_a_person(shop: Shop) -> None:
    """Whatever the answer: of the documentation alone a copy may be kept."""
    there = await things(shop)
    for service in personal():
        client = shop[service]
        for path, methods in (await paths_of(client)).items():
            for method in sorted({*methods, "TRACE"}):
                answer = await client.request(method, path)
                if not path.startswith(("/docs", "/redoc")):
                    assert answer.headers["cache-control"] == "no-store", (service, method, path)
        for path in there[service]:
            assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_a_version_is_asked_about_before_a_copy_is_used(shop: Shop) -> None:
    there = await things(shop)
    for service in ("product_catalogue", "warehouse", "search"):
        answer = await shop[service].get(there[service][0])
        expected = "no-cache" if "etag" in answer.headers else None
        assert answer.headers.get("cache-control") == expected, service
    product = there["product_catalogue"][0]
    for method in ("GET", "HEAD"):
        answer = await shop["product_catalogue"].request(method, product)
        assert answer.headers["cache-control"] == "no-cache"


@EVERY
async def test_no_answer_is_taken_for_something_else(shop: Shop, service: str) -> None:
    for method, path in (
        ("GET", "/livez"),
        ("GET", "/nothing"),
        ("PUT", "/livez"),
        ("GET", "/docs"),
    ):
        answer = await shop[service].request(method, path)
        assert answer.headers["x-content-type-options"] == "nosniff"
