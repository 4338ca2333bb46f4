"""What a request's headers say of its trace, and what is passed on of that."""

from typing import Any

import httpx
import pytest

from chassis.context import current, enter, from_headers, trace_of
from chassis.tracing import resumed
from conftest import PeerHandler

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACE = f"00-{TRACE_ID}-{SPAN_ID}-01"

LATER = {
    f"01-{TRACE_ID}-{SPAN_ID}-01": "01",
    f"cc-{TRACE_ID}-{SPAN_ID}-00": "00",
    f"cc-{TRACE_ID}-{SPAN_ID}-03-what-the-future-brings": "01",
    f"fe-{TRACE_ID}-{SPAN_ID}-00-": "00",
}
NONSENSE = [
    "", "x", TRACE[:-1], f"{TRACE}-more", f"{TRACE}-", f"ff-{TRACE_ID}-{SPAN_ID}-01",
    f"cc-{TRACE_ID}-{SPAN_ID}-01.more", f"cc-{TRACE_ID}-{SPAN_ID}-011",
    f"0-{TRACE_ID}-{SPAN_ID}-01", f"cc-{'0' * 32}-{SPAN_ID}-01", f"cc-{TRACE_ID}-{'0' * 16}-01",
    TRACE.upper(), f" {TRACE}",
]  # fmt: skip


def told(**headers: str) -> Any:
    return from_headers({name.encode(): value.encode() for name, value in headers.items()}, 5)


def test_traceparent_is_taken() -> None:
    context = told(traceparent=TRACE)
    assert (context.traceparent, context.trace_id, context.span_id) == (TRACE, TRACE_ID, SPAN_ID)


@pytest.mark.parametrize(("given", "flags"), LATER.items())
def test_later_version_goes_on_as_ours(given: str, flags: str) -> None:
    assert told(traceparent=given).traceparent == f"00-{TRACE_ID}-{SPAN_ID}-{flags}"


@pytest.mark.parametrize("given", NONSENSE)
def test_nonsense_begins_a_new_trace(given: str) -> None:
    context = told(traceparent=given, tracestate="a=1")
    assert TRACE_ID not in context.traceparent
    assert context.tracestate == ""


LONG = ",".join(f"k{number}={'v' * 60}" for number in range(20))
STATES = {
    "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
    " a=1 ,\tb=2 , ": "a=1,b=2",
    "fw529a3039@dt=FfAAA;x y~": "fw529a3039@dt=FfAAA;x y~",
    "a=1,a=2": "",
    "A=1": "",
    "a": "",
    "a=": "",
    "a=b=c": "",
    "a=\x01": "",
    "a=\xff": "",
    "a=1\r\nX-Evil: 1": "",
    ",".join(f"k{number}=v" for number in range(33)): "",
    f"a={'v' * 257}": "",
    LONG: LONG[: LONG.index(",k8=")],
}


@pytest.mark.parametrize(("given", "kept"), STATES.items())
def test_tracestate_is_taken_as_far_as_it_makes_sense(given: str, kept: str) -> None:
    assert told(traceparent=TRACE, tracestate=given).tracestate == kept
    assert told(tracestate=given).tracestate == ""
    assert len(kept) <= 512


def test_a_row_keeps_both() -> None:
    """And whoever finishes it goes on with both, or with neither."""
    enter(told(traceparent=TRACE, tracestate="a=1,b=2 c"))
    kept, alone = current().trace, told(traceparent=TRACE).trace
    assert (trace_of(kept), trace_of(alone), trace_of(None)) == (TRACE_ID, TRACE_ID, None)
    enter(told())
    for trace, state in ((kept, "a=1,b=2 c"), (alone, "")):
        with resumed("test", trace):
            assert (current().traceparent, current().tracestate) == (TRACE, state)
    assert current().trace_id != TRACE_ID


class TestOfPeers:
    """What they are sent, over a request that goes on to one."""

    @pytest.fixture
    def sent(self) -> list[httpx.Headers]:
        return []

    @pytest.fixture
    def peers(self, sent: list[httpx.Headers]) -> PeerHandler:
        def answer(request: httpx.Request) -> httpx.Response:
            sent.append(request.headers)
            return httpx.Response(200, json={"greeting": "hello"})

        return answer

    async def test_both_are_passed_on(
        self, service: httpx.AsyncClient, sent: list[httpx.Headers]
    ) -> None:
        pieces = [("traceparent", TRACE), ("tracestate", "a=1"), ("tracestate", "b=2")]
        assert (await service.get("/ask", headers=pieces)).status_code == 200
        assert (sent[0]["traceparent"], sent[0]["tracestate"]) == (TRACE, "a=1,b=2")
        await service.get("/ask", headers={"traceparent": TRACE})
        await service.get("/ask", headers={"tracestate": "a=1"})
        assert "tracestate" not in sent[1]
        assert "tracestate" not in sent[2]
