"""A good client: it asks again with the same key, for as long as it may help."""

from collections.abc import Iterator

import httpx
import pytest

from fleet.client import Client
from fleet.failure import Failure

URLS = {"cart": "http://cart"}


class Service:
    """Gives one reply after the other, and keeps what it was asked."""

    def __init__(self, *replies: httpx.Response | Exception) -> None:
        self.asked: list[httpx.Request] = []
        self._replies: Iterator[httpx.Response | Exception] = iter(replies)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = next(self._replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def client(self, patience: float = 10) -> Client:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return Client(URLS, http, patience)


def problem(status: int, slug: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"type": f"/problems/{slug}"}, headers=headers)


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        problem(503, "overloaded"),
        problem(503, "payment-outcome-unknown", **{"Retry-After": "0"}),
        problem(409, "idempotency-in-progress", **{"Retry-After": "0"}),
    ],
)
async def test_what_may_pass_is_asked_again_with_the_same_key(
    trouble: httpx.Response | Exception,
) -> None:
    service = Service(trouble, trouble, httpx.Response(201, json={"cart_id": "c"}))
    answer = await service.client().ask("POST", "cart", "/carts", {}, "key")
    assert (answer.status, answer.body) == (201, {"cart_id": "c"})
    assert [each.headers["Idempotency-Key"] for each in service.asked] == ["key"] * 3
    assert {each.content for each in service.asked} == {b"{}"}


@pytest.mark.parametrize("status", [404, 409, 422, 500])
async def test_what_will_not_pass_is_an_answer(status: int) -> None:
    service = Service(problem(status, "no"))
    answer = await service.client().ask("POST", "cart", "/carts", {})
    assert (answer.status, answer.problem, answer.ok) == (status, "no", False)
    assert "Idempotency-Key" not in service.asked[0].headers


@pytest.mark.parametrize(("token", "said"), [("", "make token"), ("old", "not believe TOKEN")])
async def test_a_stranger_is_told_what_to_show(
    token: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", token)
    service = Service(problem(401, "unauthenticated"))
    with pytest.raises(Failure, match=f"^cart .*{said}"):
        await service.client().ask("GET", "cart", "/carts/c")


async def test_it_waits_as_long_as_it_is_asked_to_or_not_at_all() -> None:
    service = Service(problem(503, "overloaded", **{"Retry-After": "60"}))
    with pytest.raises(Failure, match=r"cart at http://cart has refused .*: 503 overloaded"):
        await service.client(patience=5).ask("GET", "cart", "/carts/c")
    assert len(service.asked) == 1


async def test_it_gives_up_on_a_service_that_is_gone() -> None:
    service = Service(*[httpx.ConnectError("refused")] * 20)
    with pytest.raises(Failure, match="cart at http://cart has not answered"):
        await service.client(patience=0.3).ask("GET", "cart", "/carts/c")
    assert len(service.asked) > 1
