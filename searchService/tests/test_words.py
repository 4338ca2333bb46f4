"""Words of all scripts, in all the ways in which people write them."""

# ruff: noqa: RUF001  # letters that look like others are what this is about

import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import httpx
import pytest

from .hits import skus

Ask = Callable[..., Awaitable[dict[str, Any]]]
Index = Callable[..., Awaitable[None]]


pytestmark = pytest.mark.usefixtures("either_size")

FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")

# Something else in the same script: what finds it, too, finds too much.
DECOYS = (
    *("Blue lamp", "红色杯子5克", "コーヒー豆", "커피 원두", "กาแฟ", "Синий чай", "شاي احمر"),
    *("Κόκκινο", "Set of 11, for 5 rooms", "Washer 8cm", "A router with a fire", "Fireworks"),
)

# A name, and what is typed to find it.
FOUND = [
    # Chinese, Japanese, Korean
    ("有机绿茶100克", "有机 绿茶 茶 100克 绿茶100克 有机绿茶100克 100 机绿茶"),
    ("日本製の緑茶ティーバッグ", "緑茶 ティーバッグ 日本製 バッグ てぃーばっぐ ﾃｨｰﾊﾞｯｸﾞ 茶"),
    ("ティー・バッグ", "ティーバッグ ティー バッグ"),
    ("유기농 녹차를 티백", "녹차 녹차를 유기농녹차 티백"),
    ("유기농녹차", "녹차"),
    ("iPhone用ケース", "iphone ケース iPhone用ケース ｉＰｈｏｎｅ"),
    ("𠮷野家の牛丼", "𠮷野家 牛丼"),
    # Thai, Lao, Khmer, Myanmar
    ("ชุดชาเขียวออร์แกนิก", "ชา ชาเขียว เขียว ออร์แกนิก"),
    ("ກາເຟລາວແທ້", "ກາເຟ ລາວ"),
    ("តែបៃតងធម្មជាតិ", "តែ បៃតង ធម្មជាតិ"),
    ("လက်ဖက်ရည်ကြမ်း", "လက်ဖက် ရည် ကြမ်း"),
    # case, accents, points
    ("Straße MASSE", "strasse STRASSE straße masse"),
    ("ΣΊΣΥΦΟΣ Ανθός", "σίσυφος σισυφοσ ΑΝΘΟΣ ανθος"),
    ("İstanbul Isparta ılık", "istanbul ISTANBUL isparta ılık ilik"),
    ("Ёлочный Чайник", "елочный ЁЛОЧНЫЙ чайник"),
    ("Cà phê Đà Nẵng", "ca phe da nang PHÊ đà"),
    ("مَدْرَسَة أحمد مـــكتب", "مدرسة مدرسه احمد مكتب مکتب"),
    ("می\u200cخواهم", "میخواهم می\u200cخواهم خواهم"),
    ("שָׁלוֹם", "שלום"),
    ("कुर्ता क़लम क्\u200dष", "कुर्ता कलम क़लम क्ष"),
    ("சட்டை ٥٠", "சட்டை 50"),
    ("Œuvre Smørrebrød Ångström", "oeuvre œuvre smorrebrod angstrom ÅNGSTRÖM"),
    # nothing to be seen
    ("extra\u00adordinary zero\u200bwidth", "extraordinary zerowidth extra\u00adordinary"),
    ("\ufeffBOM", "bom"),
    ("Lego™ set ＡＢＣ１２３", "lego abc123 ＡＢＣ"),
    # units and numbers
    ("Hose clamp 10mm", "10mm 10-mm 10MM mm 10"),
    ("Washer 12 mm zinc", "12mm 12 mm"),
    ("Cable 1,5m 1.5 l jug", "1.5m 1,5m 1.5l 1,5L 1.5"),
    ("TV 4K 3D", "4k 4-k 3d 3D"),
    ("Juice 500ml", "500ml 500 500ML"),
    ("Box of 1,000", "1000 1.000 1,000"),
    ("Shelf 10x20cm", "10x20 10×20cm 10x20cm 20cm"),
    ("Shelf 30 × 40 cm", "30x40 40cm"),
    ("WD-40 oil, ISO9001", "wd40 WD-40 iso-9001 iso9001"),
    # joined and split
    ("Wi-Fi router", "wifi wi-fi WIFI Wi‑Fi wi_fi"),
    ("WiFi cable", "wi-fi wifi"),
    ("Wi fi adapter", "wifi wi-fi"),
    ("AC/DC converter", "acdc ac/dc ac-dc"),
    ("ACDC album", "ac/dc acdc"),
    ("T-shirt", "tshirt t-shirt T-Shirts shirt"),
    ("Tshirt", "t-shirt tshirts"),
    ("T shirt", "tshirt t-shirt"),
    ("Sun glasses", "sunglasses sun-glasses"),
    ("Sunglasses", "sun-glasses sunglass"),
    ("E-mail", "email e-mail"),
    ("USB-C hub", "usbc usb-c"),
    ("H&M scarf", "h&m hm"),
    ("Men's socks", "mens men's men’s MEN'S"),
    ("Mens hats", "men's men’s"),
    ("L’eau d’Issey", "l'eau eau leau issey d'issey"),
    ("Rock’n’roll", "rock'n'roll rocknroll rock"),
    # inside of German words
    ("Kerzenhalter", "halter kerzen"),
    ("Müsliriegel", "riegel musli Müsli"),
]


@pytest.fixture
async def decoys(index: Index) -> None:
    await index(*({"sku": f"DECOY-{n}", "name": name} for n, name in enumerate(DECOYS)))


@pytest.mark.usefixtures("decoys")
@pytest.mark.parametrize(("name", "words"), FOUND)
async def test_name_is_found(
    service: httpx.AsyncClient, index: Index, ask: Ask, name: str, words: str
) -> None:
    """And /suggest suggests it."""
    await index({"sku": "THIS-ONE", "name": name})
    stored = (await ask(q="THIS-ONE"))["items"][0]["name"]
    for q in words.split(" "):
        assert (await ask(q=q))["items"][:1], q
        found = await ask(q=q, limit=1)
        assert skus(found) == ["THIS-ONE"], q
        assert "<em>" in found["items"][0]["highlight"], q
        suggested = (await service.get("/suggest", params={"q": q})).json()["suggestions"]
        assert suggested[:1] == [stored], q


@pytest.mark.parametrize("name", [name for name, _ in FOUND])
async def test_name_is_found_by_each_of_its_words(index: Index, ask: Ask, name: str) -> None:
    """In any case, composed or not."""
    await index({"sku": "A", "name": name}, {"sku": "B", "name": "Something else"})
    words = {case(word) for word in name.split() for case in (str.lower, str.upper, str.title)}
    asked = {unicodedata.normalize(form, word) for word in words for form in FORMS}
    for q in asked - {"×"}:
        assert skus(await ask(q=q)) == ["A"], q


@pytest.mark.usefixtures("decoys")
@pytest.mark.parametrize(
    ("q", "name"),
    [
        ("10 mm", "Hose clamp 10mm"),
        ("clamp 10 mm", "Hose clamp 10mm"),
        ("10mm clamp", "Hose clamp 10 mm"),
        ("wi fi", "Wi-Fi router"),
        ("wi fi router", "Router, WiFi"),
        ("t shirt red", "Red tshirts"),
        ("sun glasses", "Sunglasses"),
        ("ac dc", "AC/DC"),
        ("绿茶 100克", "有机绿茶100克"),
        ("organic 绿茶", "Organic tea 有机绿茶"),
        ("чай green", "Green tea, зелёный чай"),
        ("녹차 티백", "유기농녹차 티백"),
        ("1,5 l", "Jug 1.5l"),
        ("rock 'n' roll", "Rock’n’roll"),
    ],
)
async def test_several_words_find(index: Index, ask: Ask, q: str, name: str) -> None:
    await index({"sku": "THIS-ONE", "name": name})
    assert skus(await ask(q=q)) == ["THIS-ONE"]


@pytest.mark.parametrize(
    ("q", "name"),
    [
        ("wifi", "A router with cables"),
        ("fron", "Made from oak"),
        ("10mm", "Set of 10, 5mm each"),
        ("红绿", "红茶 and 绿茶"),
        ("茶绿", "绿茶"),
        ("йод", "Иод"),
        ("1.5", "Set of 1, or 5"),
        ("25ml", "125ml"),
    ],
)
async def test_what_is_something_else_is_not_found(
    index: Index, ask: Ask, q: str, name: str
) -> None:
    await index({"sku": "A", "name": name})
    assert skus(await ask(q=q)) == []


async def test_chinese_words_may_come_in_another_order(index: Index, ask: Ask) -> None:
    await index({"sku": "A", "name": "有机绿茶100克"}, {"sku": "B", "name": "绿色有轨电车"})
    assert skus(await ask(q="绿茶有机")) == ["A"]


@pytest.mark.parametrize(
    ("names", "q"),
    [
        (["Hat", "Hat stand", "Straw hats", "Hatch kit with hatchet"], "hat"),
        (["Pen", "Pen, blue", "Pencil case by Penelope"], "pen"),
        (["Car", "Toy car", "Carpet for carriages and carts"], "car"),
        (["C", "Programming in C", "Camera case, coffee, cup, can"], "c"),
        (["Чай", "Чай зелёный", "Чайник, чайная чашка"], "чай"),
        (["10 mm", "Clamp 10 mm", "10 mmx spanner, 10mmy"], "10mm"),
        (["Wi-Fi", "Wi-Fi router", "Wifidget"], "wifi"),
    ],
)
async def test_whole_words_rank_before_beginnings(
    service: httpx.AsyncClient, index: Index, ask: Ask, names: list[str], q: str
) -> None:
    """Whatever the SKUs, and however many begin so."""
    padding = [f"{names[-1]} {n}" for n in range(320)]
    await index(
        *({"sku": f"Z{9 - n}", "name": name} for n, name in enumerate(names)),
        *({"sku": f"A{n:03}", "name": name} for n, name in enumerate(padding)),
    )
    found = [hit["name"] for hit in (await ask(q=q, limit=len(names) - 1))["items"]]
    assert found[0] == names[0]
    assert sorted(found) == sorted(names[:-1])
    answer = await service.get("/suggest", params={"q": q, "limit": len(names) - 1})
    assert sorted(answer.json()["suggestions"]) == sorted(names[:-1])


async def test_attributes_are_searched_below_all_else(index: Index, ask: Ask) -> None:
    attributes = {
        "ean": 4006381333931,
        "brand": "Störtebeker",
        "sizes": ["XL", {"colours": ["türkis"]}],
        "origin": {"country": "绿岛"},
        "lovely": True,
        "note": None,
    }
    await index(
        {"sku": "A", "name": "Anchor", "attributes": attributes},
        {"sku": "B", "name": "Rope", "description": "As Störtebeker had."},
        {"sku": "C", "name": "Lamp", "attributes": {}},
    )
    for q in ("4006381333931", "stortebeker anchor", "xl", "türkis", "TURKIS", "绿岛", "400638"):
        assert skus(await ask(q=q)) == ["A"], q
    assert skus(await ask(q="störtebeker")) == ["B", "A"]
    for q in ("ean", "brand", "colours", "true", "null", "lovely"):
        assert skus(await ask(q=q)) == [], q


async def test_attributes_are_searched_however_large(index: Index, ask: Ask) -> None:
    long = "".join(chr(0x4E00 + n) for n in range(9000))
    await index(
        {"sku": "A", "name": "A", "attributes": {"text": [long] * 20}, "description": long},
        {"sku": "B", "name": "B", "description": "x" * 10_000},
        {"sku": "C", "name": "C", "description": "a-" * 5_000},
        {"sku": "D", "name": "D", "description": "1a" * 5_000},
    )
    assert skus(await ask(q=long[100:104])) == ["A"]


@pytest.mark.parametrize(
    ("name", "q", "highlight"),
    [
        ("有机绿茶100克", "绿茶", "有机<em>绿茶</em>100克"),
        ("有机绿茶100克", "茶", "有机绿<em>茶</em>100克"),
        ("有机绿茶<b>", "有机绿茶", "<em>有机绿茶</em>&lt;b&gt;"),
        ("日本製&緑茶", "緑茶", "日本製&amp;<em>緑茶</em>"),
        ("ชุดชาเขียว", "ชาเขียว", "ชุด<em>ชาเขียว</em>"),
        ("Wi-Fi router", "wifi", "<em>Wi</em>-<em>Fi</em> router"),
        ("Clamp 10mm", "10 mm", "Clamp <em>10mm</em>"),
        ("Clamp 10 mm", "10mm", "Clamp <em>10</em> <em>mm</em>"),
        ("Men’s socks", "mens", "<em>Men’s</em> socks"),
        ("कुर्ता लाल", "कुर्ता", "<em>कुर्ता</em> लाल"),
        ("مَدْرَسَة", "مدرسة", "<em>مَدْرَسَة</em>"),
        ("Kerzenhalter", "halter", "<em>Kerzenhalter</em>"),
        ("𠮷野家", "𠮷野", "<em>𠮷野</em>家"),
    ],
)
async def test_highlight(index: Index, ask: Ask, name: str, q: str, highlight: str) -> None:
    await index({"sku": "A", "name": name})
    assert [hit["highlight"] for hit in (await ask(q=q))["items"]] == [highlight]


async def test_categories_that_read_the_same_are_one(index: Index, ask: Ask) -> None:
    names = ["Café", "cafÉ", "Cafe\u0301", "CAFÉ", "Cafe", "Café bar"]
    await index(
        *({"sku": f"S{n}", "name": "Cup", "category": name} for n, name in enumerate(names))
    )
    facet = [{"value": "CAFÉ", "count": 4}, {"value": "Cafe", "count": 1}]
    for params in ({}, {"q": "cup"}, {"category": "cafÉ"}, {"q": "cup", "category": "CAFÉ"}):
        answer = await ask(**params)
        assert answer["facets"]["category"][:2] == facet
        assert answer["total"] == (4 if "category" in params else 6)


async def test_prices_of_each_currency(index: Index, ask: Ask) -> None:
    prices = {"JPY": ["5000", "900"], "EUR": ["40", "5"], "KWD": ["12.5"]}
    await index(
        *(
            {"sku": f"{currency}-{n}", "name": "Lamp", "price": price, "currency": currency}
            for currency, each in prices.items()
            for n, price in enumerate(each)
        )
    )
    answer = await ask(q="lamp", currency="JPY", sort="price")
    assert skus(answer) == ["JPY-1", "JPY-0"]
    assert {each["currency"] for each in answer["facets"]["price"]} == {"JPY"}
    facet = (await ask(q="lamp"))["facets"]["price"]
    assert [(each["currency"], each["from"], each["count"]) for each in facet] == [
        ("EUR", "0.00", 1),
        ("EUR", "25.00", 1),
        ("JPY", "500", 1),
        ("JPY", "2500", 1),
        ("KWD", "10.000", 1),
    ]
    assert skus(await ask(q="lamp", currency="EUR", min_price="10")) == ["EUR-0"]


async def test_hit_tells_whether_it_is_in_stock(index: Index, ask: Ask) -> None:
    await index({"sku": "A", "name": "A", "in_stock": False}, {"sku": "B", "name": "B"})
    assert [hit["in_stock"] for hit in (await ask())["items"]] == [False, True]
