"""How often a caller may ask."""

from uuid import uuid4

import httpx
import pytest

from chassis import rates
from chassis.app import ServiceApp
from chassis.callers import LOCAL, person
from chassis.callers import service as service_called
from chassis.context import RequestContext, enter
from chassis.rates import Buckets, caller, network
from conftest import running


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_bucket_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(10, 60, clock)
    left = [buckets.take("me").left for _ in range(10)]
    assert left == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    refused = buckets.take("me")
    assert (refused.allowed, refused.left, refused.more_in) == (False, 0, 6)
    assert buckets.take("somebody else").allowed
    clock.now += refused.more_in - 0.1
    assert not buckets.take("me").allowed
    clock.now += 0.1
    assert buckets.take("me").allowed
    assert not buckets.take("me").allowed
    clock.now += 1000
    assert buckets.take("me").left == 9


def test_who_is_forgotten_has_asked_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 2)
    buckets = Buckets(1, 60, Clock())
    for each in ("a", "b", "a", "c"):
        buckets.take(each)
    assert not buckets.take("a").allowed
    assert buckets.take("b").allowed


def test_ipv6_customer_is_one_caller() -> None:
    assert network("2001:db8::1") == network("2001:db8::ffff:1")
    assert network("2001:db8::1") != network("2001:db8:0:1::1")
    assert network("192.0.2.1") != network("192.0.2.2")


def test_the_staff_behind_one_proxy_are_several_callers() -> None:
    themselves = uuid4()
    behind = {"client": ("192.0.2.1", 80)}
    told = {}
    for name, who in {
        "sam": person(frozenset({"staff"}), None, "sam"),
        "kim": person(frozenset({"admin"}), None, "kim"),
        "ada": person(frozenset({"customer"}), themselves, "ada"),
        "order": service_called("order"),
        "nobody": LOCAL,
    }.items():
        enter(RequestContext(caller=who))
        told[name] = caller(behind)
    assert told == {
        "sam": "person sam",
        "kim": "person kim",
        "ada": f"person {themselves}",
        "order": None,
        "nobody": "address 192.0.2.1",
    }


async def test_nobody_is_limited_unless_asked_for(service: httpx.AsyncClient) -> None:
    answers = [await service.get("/notes/count") for _ in range(50)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers


async def test_too_many_requests_are_refused(
    app: ServiceApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATE_LIMIT", "3")
    monkeypatch.setenv("RATE_WINDOW", "30")
    async with running(app) as service:
        answers = [await service.get("/notes/count") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"caller";q=3;w=30'
        assert answers[0].headers["ratelimit"] == '"caller";r=2;t=10'
        assert answers[3].json()["type"] == "/problems/too-many-requests"
        assert answers[3].headers["retry-after"] == "10"
        assert answers[3].headers["ratelimit"] == '"caller";r=0;t=10'
        assert answers[2].headers["ratelimit"] == '"caller";r=0;t=10'
        # Who looks whether it is well is not counted, and a peer has a bucket of its own.
        assert (await service.get("/readyz")).status_code == 200
        peer = {"X-Request-Timeout-Ms": "1000"}
        peers = [await service.get("/notes/count", headers=peer) for _ in range(20)]
        assert {answer.status_code for answer in peers} == {200}
