"""What a caller takes for granted is checked by everything that has an ETag, in every way to write
it, and in the unit of work that writes."""

import asyncio

import httpx
import pytest

from tests.preconditions.things import CART, OTHER_CART, THINGS, WRITES, Thing, Write, label

ROUNDS = 8

EVERY_THING = pytest.mark.parametrize("thing", THINGS, ids=label)
EVERY_WRITE = pytest.mark.parametrize(("thing", "write"), WRITES, ids=label)
MAKING = pytest.mark.parametrize(
    ("thing", "write"), [(thing, write) for thing, write in WRITES if write.makes], ids=label
)


async def there(service: httpx.AsyncClient, thing: Thing) -> str:
    """The path of one that is there."""
    if thing.service == "cart":
        made = await service.post(f"/carts/{OTHER_CART}/items", json={"sku": "TEA", "quantity": 1})
        assert made.status_code == 200, made.text
    return thing.path(await thing.made(service))


async def ask(
    service: httpx.AsyncClient,
    path: str,
    write: Write,
    n: int = 1,
    *,
    if_match: str | None = None,
    if_none_match: str | None = None,
    key: str | None = None,
) -> httpx.Response:
    given = {"If-Match": if_match, "If-None-Match": if_none_match, "Idempotency-Key": key}
    headers = {name: value for name, value in given.items() if value is not None}
    body = write.json(n) or None
    return await service.request(write.method, path + write.under, json=body, headers=headers)


async def tag(service: httpx.AsyncClient, path: str) -> str:
    return str((await service.get(path)).headers["etag"])


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 412 and answer.json()["type"] == "/problems/precondition-failed"


@EVERY_THING
async def test_what_is_made_has_an_etag(service: httpx.AsyncClient, thing: Thing) -> None:
    made = await thing.made(service)
    path = thing.path(made)
    assert made.headers["etag"].startswith('"')
    assert await tag(service, path) == made.headers["etag"]
    assert (await service.head(path)).headers["etag"] == made.headers["etag"]


@EVERY_WRITE
async def test_each_write_tells_the_etag_of_what_it_made(
    service: httpx.AsyncClient, thing: Thing, write: Write
) -> None:
    path = await there(service, thing)
    before = await tag(service, path)
    answer = await ask(service, path, write)
    assert answer.is_success, answer.text
    if write.removes:
        assert "etag" not in answer.headers
    else:
        assert answer.headers["etag"] == await tag(service, path) != before


@EVERY_THING
async def test_what_is_known_is_not_sent_again(service: httpx.AsyncClient, thing: Thing) -> None:
    path = await there(service, thing)
    etag = await tag(service, path)
    opaque = etag.strip('"')
    for known in (
        etag,
        f"W/{etag}",
        f'"{opaque}-gzip"',
        f'W/"{opaque}-br"',
        f'"{opaque};gzip"',
        f'"{opaque}--gzip-df"',
        f'"x", {etag}',
        f'"a,b",{etag}, W/"c"',
        "*",
    ):
        for method in ("GET", "HEAD"):
            answer = await service.request(method, path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content) == (304, b""), known
            assert answer.headers["etag"] == etag
        assert (await service.get(path, headers={"If-Match": known})).status_code == 200
    lines = [("If-None-Match", '"x"'), ("If-None-Match", etag)]
    assert (await service.get(path, headers=lines)).status_code == 304
    for other in ('"x"', 'W/"x"', '""', opaque, f'"{opaque}', f'"x{opaque}"', f'"{opaque}x"', ""):
        answer = await service.get(path, headers={"If-None-Match": other})
        assert (answer.status_code, answer.headers["etag"]) == (200, etag), other
        assert refused(await service.get(path, headers={"If-Match": other})), other


@EVERY_WRITE
async def test_a_write_that_takes_something_else_for_granted_does_nothing(
    service: httpx.AsyncClient, thing: Thing, write: Write
) -> None:
    path = await there(service, thing)
    before = (await service.get(path)).json()
    etag = await tag(service, path)
    opaque = etag.strip('"')
    for stale in ('"x"', '"0", "x"', opaque, f'"{opaque}', "", f'"{opaque}0"'):
        assert refused(await ask(service, path, write, if_match=stale)), stale
    for known in (etag, f"W/{etag}", f'"{opaque}-gzip"', f'"x", {etag}', "*"):
        assert refused(await ask(service, path, write, if_none_match=known)), known
    both = await ask(service, path, write, if_match=etag, if_none_match=etag)
    assert refused(both)
    assert (await service.get(path)).json() == before
    assert await tag(service, path) == etag


@EVERY_WRITE
@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"{}-gzip"', '"x", "{}-br"', "*"])
async def test_a_write_goes_through_where_it_holds(
    service: httpx.AsyncClient, thing: Thing, write: Write, form: str
) -> None:
    path = await there(service, thing)
    opaque = (await tag(service, path)).strip('"')
    answer = await ask(service, path, write, if_match=form.format(opaque), if_none_match='"x", "y"')
    assert answer.is_success, answer.text


@EVERY_WRITE
async def test_of_two_who_saw_the_same_one_writes(
    service: httpx.AsyncClient, thing: Thing, write: Write
) -> None:
    path = await there(service, thing)
    for turn in range(1 if write.once or write.removes else ROUNDS):
        seen = await tag(service, path)
        answers = await asyncio.gather(
            *(ask(service, path, write, 2 * turn + n, if_match=seen) for n in range(2))
        )
        first, second = sorted(answer.status_code for answer in answers)
        assert first in (200, 204)
        # A cart that is gone is not found.
        assert second == (404 if thing.service == "cart" and write.removes else 412)


@EVERY_THING
async def test_what_is_not_there_is_not_found_first(
    service: httpx.AsyncClient, thing: Thing
) -> None:
    for header in ({"If-Match": '"1"'}, {"If-Match": "*"}, {"If-None-Match": "*"}):
        assert (await service.get(thing.missing, headers=header)).status_code == 404
        for write in thing.writes:
            if not (write.makes or thing.service == "search"):
                answer = await service.request(
                    write.method,
                    thing.missing + write.under,
                    json=write.json(1) or None,
                    headers=header,
                )
                # 422 where the body names what is not there either.
                assert answer.status_code in (404, 422), (write, answer.text)


@MAKING
async def test_only_where_there_is_none(
    service: httpx.AsyncClient, thing: Thing, write: Write
) -> None:
    for unmet in ("*", '"1"', 'W/"1"'):
        assert refused(await ask(service, thing.missing, write, if_match=unmet))
    assert (await service.get(thing.missing)).status_code == 404
    made = await ask(service, thing.missing, write, if_none_match="*")
    assert made.is_success, made.text
    assert refused(await ask(service, thing.missing, write, 2, if_none_match="*"))
    assert await tag(service, thing.missing) == made.headers["etag"]


@MAKING
async def test_of_two_who_make_the_same_one_makes_it(
    service: httpx.AsyncClient, thing: Thing, write: Write
) -> None:
    for turn in range(ROUNDS):
        path = thing.missing[:-2] + f"{turn:02}"
        answers = await asyncio.gather(
            *(ask(service, path, write, n, if_none_match="*") for n in range(2))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]


@pytest.mark.parametrize("thing", [THINGS[1], THINGS[4]], ids=label)
async def test_what_is_made_anew_has_another_etag(service: httpx.AsyncClient, thing: Thing) -> None:
    path = thing.path(await thing.made(service))
    before = await tag(service, path)
    assert (await service.delete(path, headers={"If-Match": before})).status_code == 204
    made = await thing.made(service)
    assert made.headers["etag"] != before
    assert refused(await service.delete(path, headers={"If-Match": before}))


@pytest.mark.parametrize("thing", [THINGS[4]], ids=label)
async def test_a_document_that_is_gone_matches_nothing(
    service: httpx.AsyncClient, thing: Thing
) -> None:
    assert refused(await service.delete(thing.missing, headers={"If-Match": "*"}))
    assert (await service.delete(thing.missing, headers={"If-None-Match": "*"})).status_code == 204


@pytest.mark.parametrize(
    ("thing", "write"), [(thing, write) for thing, write in WRITES if write.method == "POST"],
    ids=label,
)  # fmt: skip
async def test_a_repeated_key_is_answered_before_anything_is_compared(
    service: httpx.AsyncClient, thing: Thing, write: Write
) -> None:
    """The first request has moved the thing on: its repetition would never match again."""
    path = await there(service, thing)
    seen = await tag(service, path)
    assert refused(await ask(service, path, write, if_match='"x"', key="k"))
    first = await ask(service, path, write, if_match=seen, key="k")
    assert first.status_code == 200, "a refusal by a precondition is not kept"
    again = await ask(service, path, write, if_match=seen, key="k")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"] == await tag(service, path)
    assert refused(await ask(service, path, write, if_match=seen, key="other"))


@pytest.mark.parametrize("thing", [THINGS[0]], ids=label)
async def test_what_is_wrong_with_a_request_is_told_first(
    service: httpx.AsyncClient, thing: Thing
) -> None:
    path = await there(service, thing)
    for body in ({"name": 1}, {"unknown": 1}, {"name": ""}):
        answer = await service.patch(path, json=body, headers={"If-Match": '"x"'})
        assert answer.status_code == 422


def test_every_kind_of_thing_is_here() -> None:
    assert {thing.service for thing in THINGS} == {
        "product_catalogue", "cart", "customer", "warehouse", "search",
    }  # fmt: skip
    assert CART != OTHER_CART
