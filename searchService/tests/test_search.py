"""The search through its contract."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from .hits import skus

Ask = Callable[..., Awaitable[dict[str, Any]]]
Index = Callable[..., Awaitable[None]]


pytestmark = pytest.mark.usefixtures("either_size")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("q", "found"),
    [
        # stems
        ("candle", ["CANDLE-RED", "HOLDER-1", "LAMP-9"]),
        ("evening", ["CANDLE-RED"]),
        ("HOLDING", ["HOLDER-1"]),
        # all of the words, in any order
        ("candle red", ["CANDLE-RED"]),
        ("red lamp", []),
        # the last one as a prefix, of the word and not only of its stem
        ("cand", ["CANDLE-RED", "LAMP-9", "HOLDER-1"]),
        ("happine", ["BOOK-7"]),
        ("brass ho", ["HOLDER-1"]),
        ("ho brass", []),
        # misspelt: transposed, left out, doubled, wrong
        ("candel", ["CANDLE-RED", "HOLDER-1"]),
        ("lapm", ["LAMP-9"]),
        ("beswax", ["CANDLE-RED"]),
        ("hapiness", ["BOOK-7"]),
        ("tabble lamp", ["LAMP-9"]),
        ("red kandle", ["CANDLE-RED"]),
        # accents, composed or not, and case
        ("cafe", ["CAFE-250"]),
        ("CAFÉ CREME", ["CAFE-250"]),
        ("cafe\u0301", ["CAFE-250"]),
        # SKUs
        ("CAFE-250", ["CAFE-250"]),
        ("LAMP-9", ["LAMP-9"]),
        # words that say nothing
        ("the candle for the evening", ["CANDLE-RED"]),
        ("the", ["BOOK-7"]),
        ("made-of/red (candles)", ["CANDLE-RED"]),
        # nothing like it
        ("zzzzzz", []),
        ("9999", []),
        ("!!!", []),
        ("🕯", []),
    ],
)
async def test_words_find(ask: Ask, q: str, found: list[str]) -> None:
    answer = await ask(q=q)
    assert sorted(skus(answer)) == sorted(found)
    assert answer["total"] == len(found)
    assert answer["total_is_exact"] is True
    assert answer["next_cursor"] is None


@pytest.mark.usefixtures("shop")
async def test_hit_shows_what_it_is(ask: Ask) -> None:
    (hit,) = (await ask(q="red candle"))["items"]
    assert 0 < hit.pop("score") < 1
    assert hit == {
        "sku": "CANDLE-RED",
        "name": "Red Candles",
        "price": "4.50",
        "currency": "EUR",
        "category": "home",
        "in_stock": True,
        "highlight": "<em>Red</em> <em>Candles</em>",
    }


@pytest.mark.usefixtures("shop")
async def test_name_ranks_above_category_above_description(ask: Ask) -> None:
    answer = await ask(q="candle")
    scores = [hit["score"] for hit in answer["items"]]
    assert skus(answer)[0] == "CANDLE-RED"
    assert scores == sorted(scores, reverse=True)


async def test_each_field_has_its_weight(index: Index, ask: Ask) -> None:
    await index(
        {"sku": "A", "name": "other", "description": "lamp"},
        {"sku": "B", "name": "other", "category": "lamp"},
        {"sku": "C", "name": "lamp"},
    )
    assert skus(await ask(q="lamp")) == ["C", "B", "A"]


async def test_sku_ranks_first(index: Index, ask: Ask) -> None:
    await index(
        {"sku": "lamp", "name": "Something else"},
        {"sku": "A", "name": "lamp lamp lamp", "description": "lamp " * 50},
    )
    answer = await ask(q=" lamp ")
    assert skus(answer) == ["lamp", "A"]
    assert answer["items"][0]["score"] == 1
    assert answer["items"][1]["score"] < 1


async def test_known_word_is_not_widened(index: Index, ask: Ask) -> None:
    await index({"sku": "A", "name": "Candle"}, {"sku": "B", "name": "Handle"})
    assert skus(await ask(q="candle")) == ["A"]


@pytest.mark.parametrize(
    ("q", "typed"),
    [
        ("candle", "'candl':"),
        ("cand", "'cand': | 'candl':"),
        ("candles", "'candl':"),
        ("lamp", "'lamp': | 'lampshad':"),
    ],
)
async def test_no_document_is_looked_up_by_its_stem_and_by_its_word(
    index: Index, database_url: str, q: str, typed: str
) -> None:
    await index(
        {"sku": "A", "name": "Candle"},
        {"sku": "B", "name": "Candles"},
        {"sku": "C", "name": "Lamp, lampshade"},
    )
    db = await asyncpg.connect(database_url)
    try:
        meant = await db.fetchval("SELECT typed FROM search.meaning($1, '')", q)
    finally:
        await db.close()
    assert meant == typed


async def test_misspelt_word_may_begin_another(index: Index, ask: Ask) -> None:
    await index({"sku": "A", "name": "Candle"}, {"sku": "B", "name": "Candelabra"})
    answer = await ask(q="candel")
    assert skus(answer) == ["B", "A"]


async def test_word_that_has_gone_is_misspelt_again(
    service: httpx.AsyncClient, index: Index, ask: Ask
) -> None:
    await index({"sku": "A", "name": "Candel"}, {"sku": "B", "name": "Candle"})
    assert skus(await ask(q="candel")) == ["A"]
    await service.put("/index/A", json={"name": "Lamp"})
    assert skus(await ask(q="candel")) == ["B"]


@pytest.mark.parametrize(
    ("name", "q", "highlight"),
    [
        ("Candle", "candel", "<em>Candle</em>"),
        ("Candlestick, brass", "candle", "<em>Candlestick</em>, brass"),
        ("Women's café", "womens cafe", "<em>Women&#x27;s</em> <em>café</em>"),
        ("Cafe\u0301 noir", "café", "<em>Caf\xe9</em> noir"),
        (
            '<script>alert("x")</script> & candle',
            "candle",
            "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; <em>candle</em>",
        ),
        ("<b>candle</b>", "b", "&lt;<em>b</em>&gt;candle&lt;/<em>b</em>&gt;"),
        ("</em><em>", "em", "&lt;/<em>em</em>&gt;&lt;<em>em</em>&gt;"),
        ("&amp; candle", "amp", "&amp;<em>amp</em>; candle"),
    ],
)
async def test_highlight_is_safe_html(
    index: Index, ask: Ask, name: str, q: str, highlight: str
) -> None:
    await index({"sku": "A", "name": name})
    assert [hit["highlight"] for hit in (await ask(q=q))["items"]] == [highlight]


async def test_name_is_escaped_without_words(index: Index, ask: Ask) -> None:
    await index({"sku": "A", "name": "<i>"})
    for params in ({}, {"q": "A"}):
        assert (await ask(**params))["items"][0]["highlight"] == "&lt;i&gt;"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["HOLDER-1", "CAFE-250", "BOOK-7", "CANDLE-RED", "LAMP-9"]),
        ({"q": "  "}, ["HOLDER-1", "CAFE-250", "BOOK-7", "CANDLE-RED", "LAMP-9"]),
        ({"category": "home"}, ["HOLDER-1", "CANDLE-RED"]),
        ({"category": "Home"}, ["HOLDER-1", "CANDLE-RED"]),
        ({"category": "hom"}, []),
        ({"currency": "EUR"}, ["HOLDER-1", "CANDLE-RED"]),
        ({"currency": "EUR", "min_price": "10"}, ["HOLDER-1"]),
        ({"currency": "JPY", "min_price": "10"}, ["BOOK-7"]),
        ({"currency": "KWD"}, []),
        ({"q": "candle", "currency": "USD"}, []),
        ({"min_price": "10"}, ["HOLDER-1", "CAFE-250", "BOOK-7"]),
        ({"max_price": "10.00"}, ["CAFE-250", "CANDLE-RED"]),
        ({"min_price": "10", "max_price": "25"}, ["HOLDER-1", "CAFE-250"]),
        ({"min_price": "25", "max_price": "10"}, []),
        ({"in_stock": "true"}, ["HOLDER-1", "BOOK-7", "CANDLE-RED", "LAMP-9"]),
        ({"in_stock": "false"}, ["CAFE-250"]),
        ({"q": "candle", "category": "home", "max_price": "5"}, ["CANDLE-RED"]),
        ({"q": "CAFE-250", "in_stock": "true"}, []),
        ({"q": "!!!", "category": "home", "max_price": "5"}, []),
        ({"q": "CAFE-250", "category": "Kitchen", "currency": "USD"}, ["CAFE-250"]),
        ({"q": "CAFE-250", "category": "home"}, []),
    ],
)
async def test_filters(ask: Ask, params: dict[str, str], found: list[str]) -> None:
    answer = await ask(**params)
    assert skus(answer) == found
    assert answer["total"] == len(found)


@pytest.mark.parametrize("category", ["!!!", "Oak & ash", "OAK", "蜡烛", "the"])
async def test_category_is_taken_as_it_stands(index: Index, ask: Ask, category: str) -> None:
    """Whatever words it has, or none."""
    await index(
        {"sku": "A", "name": "Lamp", "category": category},
        {"sku": "B", "name": "Lamp", "category": f"{category} etc."},
        {"sku": "C", "name": "Lamp"},
    )
    answer = await ask(q="lamp", category=category)
    assert skus(answer) == ["A"]
    assert answer["total"] == 1


@pytest.mark.usefixtures("shop")
async def test_facets_count_all_hits(ask: Ask) -> None:
    facets = (await ask(limit=1))["facets"]
    assert facets == {
        "category": [
            {"value": "home", "count": 2},
            {"value": "Candlelight & lamps", "count": 1},
            {"value": "kitchen", "count": 1},
        ],
        "price": [
            {"currency": "EUR", "from": "0.00", "to": "10.00", "count": 1},
            {"currency": "EUR", "from": "25.00", "to": "50.00", "count": 1},
            {"currency": "JPY", "from": "1000", "to": "2500", "count": 1},
            {"currency": "USD", "from": "10.00", "to": "25.00", "count": 1},
        ],
    }


@pytest.mark.usefixtures("shop")
async def test_facet_leaves_out_its_own_filter(ask: Ask) -> None:
    answer = await ask(category="home", max_price="10")
    assert skus(answer) == ["CANDLE-RED"]
    assert answer["facets"] == {
        "category": [{"value": "home", "count": 1}, {"value": "kitchen", "count": 1}],
        "price": [
            {"currency": "EUR", "from": "0.00", "to": "10.00", "count": 1},
            {"currency": "EUR", "from": "25.00", "to": "50.00", "count": 1},
        ],
    }
    assert (await ask(q="nothing like it"))["facets"] == {"category": [], "price": []}


async def test_price_without_an_end(index: Index, ask: Ask) -> None:
    await index({"sku": "A", "name": "A", "price": "9999999999.99", "currency": "EUR"})
    assert (await ask())["facets"]["price"] == [
        {"currency": "EUR", "from": "2500.00", "to": None, "count": 1}
    ]


HOSTILE = [
    "' OR 1=1 --",
    "a & | ! b",
    "!!candle",
    "candle:*ABCD",
    "'candle':*",
    "((((",
    "a <-> b",
    "<0>",
    "\\",
    "\\'",
    "%",
    "_",
    "%candle%",
    "$1",
    "{}",
    "{0}",
    "?",
    "??",
    '"unclosed',
    "🕯️🔥",
    "\u202eecalp",
    "ﷺ" * 200,
    "x" * 200,
    "candle " * 28,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 3,
    "misspellt wordds evverywhere annd moore off themm " * 4,
    "é" * 200,
    "\u0130stanbul ẞ ŉ",
    "1e400 NaN Infinity -0",
    "..",
    "CANDLE-RED'",
    "\u3000candle\u3000",
]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("q", HOSTILE)
@pytest.mark.parametrize("path", ["/search", "/suggest"])
async def test_hostile_text_is_only_text(service: httpx.AsyncClient, path: str, q: str) -> None:
    answer = await service.get(path, params={"q": q})
    assert answer.status_code == 200, answer.text


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("q", ["%", "_", "' OR true", "zzz | candle:*", "zzz OR candle"])
async def test_operators_are_not_obeyed(ask: Ask, q: str) -> None:
    assert skus(await ask(q=q)) == []


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=a%00b",
        "q=" + "x" * 201,
        "sort=sku",
        "sort=price;drop",
        "min_price=-1",
        "min_price=NaN",
        "max_price=1e5",
        "max_price=cheap",
        "in_stock=maybe",
        "category=%00",
        "currency=EURO",
        "limit=0",
        "limit=201",
        "cursor=nonsense",
        "cursor=WyJhIiwiYiIsImMiXQ",
    ],
)
async def test_wrong_query_is_refused(service: httpx.AsyncClient, query: str) -> None:
    refused = await service.get(f"/search?{query}")
    assert refused.status_code == 422, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
