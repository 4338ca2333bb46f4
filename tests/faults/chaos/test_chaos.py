"""A quarter of a minute of chaos, with a seed of its own each time; and that its judges judge."""

import os
import secrets
import shutil
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from signal import SIGINT, SIGKILL, Signals
from typing import Any
from unittest.mock import Mock

import asyncpg
import httpx
import pytest

from fleet.postgres import Postgres
from fleet.up import DATABASE
from tests.faults.chaos import diaries, effects, replies, saboteur, schedule, standing
from tests.faults.chaos.__main__ import UP
from tests.faults.chaos.caller import Caller
from tests.faults.chaos.log import Effect, Log, Reply, Request
from tests.faults.chaos.run import Plan, Run
from tests.fleets import embedded_fleet

SECONDS = 15
LOSSES = {
    "product": "DELETE FROM product.products",
    "stock": "DELETE FROM warehouse.stock",
    "document": "DELETE FROM search.index",
    "line": "DELETE FROM cart.cartlines",
    "order": "DELETE FROM orders.orders",
    "payment": "DELETE FROM payment.payments",
    "refund": "DELETE FROM payment.refunds",
    "transaction": "DELETE FROM payment.transactions",
    "customer": "DELETE FROM customer.customers",
    "adjustment": "DELETE FROM warehouse.movements",
    "reservation": "DELETE FROM warehouse.reservations",
    "event": "DELETE FROM shipping.shipment_events",
}


async def test_nothing_is_lost_and_nothing_is_there_twice() -> None:
    """Its data folder stays when it fails."""
    seed = os.environ.get("CHAOS_SEED") or secrets.token_hex(4)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    with embedded_fleet(folder, module=UP) as fleet:
        result = await Run(fleet, Plan(seed, SECONDS, shoppers=4)).play()
        assert not result.violations, f"{folder}; again with CHAOS_SEED={seed}"
        assert result.outcomes.total() > 0
        assert result.faults.total() > 0
        await rows_that_are_gone_are_missed(result.log, Postgres(folder).dsn(DATABASE))
    shutil.rmtree(folder)


async def rows_that_are_gone_are_missed(log: Log, superuser: str) -> None:
    """Of every kind of effect: what the judge looks at are the tables."""
    expected = effects.expected(log)
    acknowledged = {kind for (kind, _), times in expected.least.items() if times}
    assert acknowledged >= {"product", "line", "customer"}
    db = await asyncpg.connect(superuser)
    await db.execute("SET session_replication_role = replica")  # no foreign keys, no triggers
    for kind in acknowledged:
        tampering = db.transaction()
        await tampering.start()
        await db.execute(LOSSES[kind])
        missed = effects.violations(expected, await effects.found(db, log))
        await tampering.rollback()
        assert any(each.startswith(f"{kind} ") for each in missed), kind
    await db.close()


def test_the_same_seed_gives_the_same_faults() -> None:
    assert schedule.make("one", 600) == schedule.make("one", 600)
    assert schedule.make("one", 600) != schedule.make("another", 600)


@pytest.mark.parametrize(
    ("kind", "there", "hit", "signal"),
    [
        (schedule.BACKEND, [1, 2, 3], [3], SIGKILL),
        (schedule.BACKEND, [1], None, None),  # it has just been started
        (schedule.KILL, [1, 2, 3], [1], SIGKILL),
        (schedule.FAST, [1, 2, 3], [1], SIGINT),
        (schedule.KILL, [], None, None),
    ],
)
async def test_who_is_there_is_hit(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    there: list[int],
    hit: list[int] | None,
    signal: Signals | None,
) -> None:
    sent: list[tuple[Signals, list[int]]] = []
    monkeypatch.setattr(saboteur, "send", lambda wanted, *pids: sent.append((wanted, list(pids))))
    victims = Mock(with_children=lambda _: there)
    at_work = saboteur.Saboteur(victims)
    await at_work.carry_out([schedule.Fault(0.0, kind, schedule.POSTGRES, lot=0.9)])
    assert sent == ([(signal, hit)] if hit else [])
    assert at_work.done.total() == len(sent)


def test_faults_come_as_often_as_they_should() -> None:
    faults = schedule.make("one", 3600)
    assert faults == sorted(faults, key=lambda fault: fault.at)
    assert {fault.victim for fault in faults} == {*schedule.NAMES, schedule.POSTGRES}
    postgres = [fault for fault in faults if fault.victim == schedule.POSTGRES]
    assert {fault.kind for fault in postgres} == set(schedule.KINDS_FOR_POSTGRES)
    assert all(5 <= after.at - before.at <= 40 for before, after in pairwise(postgres))
    services = sorted({fault.at for fault in faults} - {fault.at for fault in postgres})
    assert all(0.5 <= after - before <= 3 for before, after in pairwise(services))


def said(status: int, body: str, *, sent: int = 1, got: int = 2, **more: Any) -> Reply:
    return Reply(status, body.encode(), sent=sent, got=got, **more)


def asked(*answers: Reply, effect: Effect | None = None, unanswered: int = 0) -> Log:
    """A log of one request."""
    log = Log()
    request = log.add(Request("POST", "order", "/orders", {}, "key", effect))
    request.replies += answers
    request.attempts = len(answers) + unanswered
    return log


REFUSAL = '{"type": "/problems/unknown-cart"}'


def test_a_key_has_one_answer() -> None:
    first = said(201, "first")
    again = said(201, "first", sent=3, got=4, replayed=True)
    assert replies.violations(asked(first, again)) == []
    changed = said(201, "second", sent=3, got=4, replayed=True)
    assert "2 answers" in replies.violations(asked(first, changed))[0]


@pytest.mark.parametrize(
    "later", [said(201, "first", sent=3, got=4), said(409, REFUSAL, sent=3, got=4)]
)
def test_an_answer_is_not_forgotten(later: Reply) -> None:
    found = replies.violations(asked(said(201, "first"), later))
    assert any("answered anew" in each for each in found)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_no_failure_but_a_busy_service_that_says_when_to_return(status: int) -> None:
    assert replies.violations(asked(said(status, "")))
    assert not replies.violations(asked(said(503, "", retry_after=1.0)))


def test_a_refusal_must_be_one_of_those_expected() -> None:
    log = asked(said(422, REFUSAL))
    assert "unknown-cart" in replies.violations(log)[0]
    log.requests[0].fine = frozenset({"unknown-cart"})
    assert replies.violations(log) == []


def test_giving_up_and_complaints_count() -> None:
    log = asked(unanswered=3)
    log.requests[0].given_up = True
    log.complaints.append("two orders of one cart")
    assert len(replies.violations(log)) == 2


ORDER = Effect("order", "cart")
THERE = Counter({("order", "cart"): 1})


@pytest.mark.parametrize("times", [0, 2])
def test_what_was_acknowledged_is_there_once(times: int) -> None:
    wanted = effects.expected(asked(said(201, "{}"), effect=ORDER, unanswered=2))
    assert effects.violations(wanted, THERE) == []
    assert effects.violations(wanted, Counter({("order", "cart"): times}))


def test_what_was_refused_is_not_there() -> None:
    wanted = effects.expected(asked(said(422, REFUSAL), effect=ORDER))
    assert effects.violations(wanted, Counter()) == []
    assert effects.violations(wanted, THERE)


def test_what_was_not_answered_is_there_once_at_most() -> None:
    wanted = effects.expected(asked(said(503, "", retry_after=1.0), effect=ORDER))
    assert effects.violations(wanted, Counter()) == effects.violations(wanted, THERE) == []
    assert effects.violations(wanted, Counter({("order", "cart"): 2}))


def test_nothing_comes_from_nowhere() -> None:
    assert effects.violations(effects.Expected(), THERE)


def test_a_merged_cart_is_counted_with_the_other() -> None:
    log = asked(said(200, "{}"), effect=Effect("line", "from thing", 3))
    log.add(Request("POST", "cart", "/carts/into/merge", {"from_cart_id": "from"}))
    wanted = effects.expected(log)
    assert effects.violations(wanted, Counter({("line", "into thing"): 3})) == []
    assert effects.violations(wanted, Counter({("line", "into thing"): 6}))


CANCELLED = {"status": "cancelled", "version": 3, "total": "1.00"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"total": "2.00"}, "total was"),
        ({"status": "paid", "version": 4}, "is paid"),
        ({"version": 2}, "is at 2"),
        ({"name": "another"}, "two contents"),
    ],
)
def test_nothing_is_other_than_it_was_said_to_be(change: dict[str, Any], what: str) -> None:
    kind = standing.Kind("order", "order", ("total",), standing.KINDS["orders"].after)
    assert not list(standing.disagreements(kind, CANCELLED, CANCELLED))
    later = {**CANCELLED, "status": "refunded", "version": 4}
    assert not list(standing.disagreements(kind, CANCELLED, later))
    assert any(what in each for each in standing.disagreements(kind, CANCELLED, CANCELLED | change))


def test_a_change_that_is_gone_is_missed() -> None:
    log = Log()
    request = log.add(Request("PATCH", "customer", "/customers/one", {"name": "Ada"}))
    request.replies.append(said(200, '{"customer_id": "one"}'))
    request.attempts = 1
    assert standing.misnamed(log, {"one": {"name": "Ada"}}) == []
    assert standing.misnamed(log, {"one": {"name": "Bob"}})


def test_errors_that_a_service_logs_count(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for name in schedule.NAMES:
        (tmp_path / "logs" / f"{name}.log").write_text('INFO: started\n{"level": "info"}\n')
    assert diaries.violations(tmp_path) == []
    error = '{"event": "unhandled", "exception": "Traceback\\nKeyError: 1", "level": "error"}\n'
    (tmp_path / "logs" / "cart.log").write_text(error)
    assert diaries.violations(tmp_path) == ["cart logged: unhandled KeyError: 1"]


async def test_what_is_nowhere_to_be_read_is_missed() -> None:
    log = Log()
    request = log.add(Request("POST", "transaction", "/transactions", {}, "key"))
    request.replies.append(said(201, '{"transaction_id": "lost"}'))
    nothing = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"items": [], "next_cursor": None})
    )
    urls = {kind.service: "http://service" for kind in standing.KINDS.values()}
    async with httpx.AsyncClient(transport=nothing) as http:
        found = await standing.violations(log, Caller(urls, http, Log(), Random("dice")))
    assert found == ["transactions lost: acknowledged, and not there"]
