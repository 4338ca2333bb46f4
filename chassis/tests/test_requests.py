"""What a request is sent as: media types, codings, keys in quotes, members that come twice."""

import json

import httpx
import pytest

from chassis.media import MERGE_PATCH

NOTE = json.dumps({"content": "tea"})


async def post(
    service: httpx.AsyncClient, content: str | bytes = NOTE, *headers: tuple[str, str]
) -> httpx.Response:
    given = headers if any(name == "Content-Type" for name, _ in headers) else (JSON, *headers)
    return await service.post("/notes", content=content, headers=list(given))


JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json;",
        "application/json; version=1",
    ],
)
async def test_json_by_any_of_its_spellings(service: httpx.AsyncClient, content_type: str) -> None:
    made = await post(service, NOTE, ("Content-Type", content_type))
    assert made.status_code == 201, made.text


@pytest.mark.parametrize(
    "content_types",
    [
        ("text/plain",),
        ("application/x-www-form-urlencoded",),
        ("",),
        ("json",),
        ("application/json, text/plain",),
        ("application/json; charset=utf-16",),
        ("application/json; charset=iso-8859-1",),
        (MERGE_PATCH,),
        ("application/json", "text/plain"),
        ("application/json", "application/json"),
    ],
)
async def test_what_is_not_sent_as_json(
    service: httpx.AsyncClient, content_types: tuple[str, ...]
) -> None:
    refused = await post(service, NOTE, *(("Content-Type", each) for each in content_types))
    assert refused.status_code == 415, refused.text
    assert refused.json()["type"] == "/problems/unsupported-media-type"
    assert refused.headers["accept"] == "application/json"


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "identity, gzip", "x", "deflate,,"])
async def test_a_coding_that_is_not_read_is_named(service: httpx.AsyncClient, coding: str) -> None:
    refused = await post(service, b"\x1f\x8b\x08", ("Content-Encoding", coding))
    assert refused.status_code == 415, refused.text
    assert refused.headers["accept-encoding"] == "identity"
    assert "identity" in refused.json()["detail"]
    twice = (("Content-Encoding", "identity"), ("Content-Encoding", coding))
    assert (await post(service, NOTE, *twice)).status_code == 415


@pytest.mark.parametrize("coding", ["identity", "Identity", "", "identity, identity"])
async def test_identity_is_no_coding(service: httpx.AsyncClient, coding: str) -> None:
    assert (await post(service, NOTE, ("Content-Encoding", coding))).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        '{"content": "a", "content": "b"}',
        '{"content": "a", "content": "a"}',
        '{"content": "a", "\\u0063ontent": "b"}',
        '{"content": "a", "attributes": {"x": 1, "x": 2}}',
        '{"content": "a", "attributes": {"list": [{"x": 1, "x": null}]}}',
    ],
)
async def test_a_member_that_comes_twice_is_refused(service: httpx.AsyncClient, body: str) -> None:
    refused = await post(service, body)
    assert refused.status_code == 422
    assert "twice" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("k", '"k"'),
        ('"k"', "k"),
        (r"a\"b", r"a\"b"),
        ('a"b', r'"a\"b"'),
        ("a\\b", r'"a\\b"'),
        ('"k', '"k'),
        ('"' + "x" * 255 + '"', "x" * 255),
    ],
)
async def test_a_key_in_quotes_is_the_key(
    service: httpx.AsyncClient, first: str, again: str
) -> None:
    made = await post(service, NOTE, ("Idempotency-Key", first))
    assert made.status_code == 201, made.text
    replayed = await post(service, NOTE, ("Idempotency-Key", again))
    assert replayed.headers["idempotent-replayed"] == "true"
    assert replayed.content == made.content


@pytest.mark.parametrize(
    "keys", [("",), ('""',), ("x" * 256,), ('"' + "x" * 256 + '"',), ("a", "b"), ("a", "a"), ("é",)]
)
async def test_what_is_no_key(service: httpx.AsyncClient, keys: tuple[str, ...]) -> None:
    headers = [(b"content-type", b"application/json")]
    headers += [(b"idempotency-key", key.encode("latin-1")) for key in keys]
    refused = await service.post("/notes", content=NOTE, headers=headers)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["header"] == "Idempotency-Key"


async def test_a_query_is_utf_8_as_it_stands_too(service: httpx.AsyncClient) -> None:
    for query in ("", "?", "?&&"):
        assert (await service.get(f"/notes/count{query}")).status_code == 200
    refused = await service.get("/notes/count?q=1")
    assert refused.json()["errors"] == [
        {
            "pointer": "#/q",
            "detail": "There is no such parameter here; there are: none.",
            "parameter": "q",
        }
    ]


async def test_probes_are_asked_with_whatever_a_monitor_adds(service: httpx.AsyncClient) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json"):
        assert (await service.get(f"{path}?_=1&%")).status_code == 200
