"""Telephone numbers as people paste them."""

import httpx
import pytest

from customerService.tests.test_customers import create


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("+44 (20) 7946-0018", "+44 (20) 7946-0018"),
        ("+1\u00a0202\u00a0555\u00a00100", "+1 202 555 0100"),
        ("+1\u2009202\u202f555\u20070100", "+1 202 555 0100"),
        ("020\u20137946\u20140018", "020-7946-0018"),
        ("020\u20127946\u22120018", "020-7946-0018"),
        ("020\u20107946\u20110018", "020-7946-0018"),
        ("\u202a+44 20 7946 0018\u202c", "+44 20 7946 0018"),
        ("\u2066+44 20 7946 0018\u2069", "+44 20 7946 0018"),
        ("\u200e020 7946 0018\u200f", "020 7946 0018"),
        ("  020 7946 0018\t", "020 7946 0018"),
        ("020  7946 \n 0018", "020 7946 0018"),
        ("020 7946 0018 ext. 5", "020 7946 0018 x5"),
        ("020 7946 0018 ext 5", "020 7946 0018 x5"),
        ("020 7946 0018, Ext: 5", "020 7946 0018 x5"),
        ("020 7946 0018 extension 512", "020 7946 0018 x512"),
        ("020 7946 0018x5", "020 7946 0018 x5"),
        ("020 7946 0018 x5", "020 7946 0018 x5"),
        ("020 7946 0018 #5", "020 7946 0018 x5"),
        ("020 7946 0018 (ext 5)", "020 7946 0018 x5"),
        ("+1 202 555 0100,,5", "+1 202 555 0100 x5"),
        ("Tel. 020 7946 0018", "020 7946 0018"),
        ("tel:+44-20-7946-0018", "+44-20-7946-0018"),
        ("TEL: +44-20-7946-0018;ext=5", "+44-20-7946-0018 x5"),
        ("+44 (0)20 7946 0018", "+44 (0)20 7946 0018"),
        ("(+44) 20 7946 0018", "(+44) 20 7946 0018"),
        ("030/901820", "030/901820"),
        ("01.42.68.53.00", "01.42.68.53.00"),
        ("\uff0b\uff18\uff11\uff08\uff10\uff13\uff09\uff11\uff12\uff13\uff14", "+81(03)1234"),
        ("\u0660\u0662\u0660 \u0667\u0669\u0664\u0666", "020 7946"),
        ("\u06f0\u06f2\u06f1-\u06f4\u06f5", "021-45"),
        ("\u0968\u0969 \u096a\u096b", "23 45"),
        ("112", "112"),
    ],
)
async def test_a_number_is_kept_plain(service: httpx.AsyncClient, pasted: str, kept: str) -> None:
    made = await create(service, phone=pasted)
    assert made.status_code == 201, made.text
    assert made.json()["phone"] == kept
    path = made.headers["location"]
    # What is kept is taken again, and stays as it is.
    changed = await service.patch(path, json={"phone": kept})
    assert (changed.status_code, changed.json()["phone"]) == (200, kept)
    assert (await service.patch(path, json={"phone": pasted})).json()["phone"] == kept


@pytest.mark.parametrize(
    "phone",
    [
        "call me",
        "+",
        "ext 5",
        "x5",
        "1" * 41,
        "1-800-FLOWERS",
        "5 x",
        "tel:",
        "5, x",
        "a@b.c",
        "1" * 9999,
    ],
)
async def test_anything_else_is_refused_in_words(service: httpx.AsyncClient, phone: str) -> None:
    refused = await create(service, phone=phone)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["pointer"] == "#/phone"
    assert "^" not in error["detail"]
    assert "\\" not in error["detail"]
