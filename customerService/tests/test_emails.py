"""When two e-mail addresses are one, in any script; and old ones, from before that was so."""

from pathlib import Path

import httpx
import pytest

from chassis import schema
from chassis.app import load_app
from conftest import as_service, run_sql, running
from customerService.tests.test_customers import create, created
from tests.polling import until

# Each is somebody else's of another row; within a row they are one.
SAME = [
    ("ada@example.org", "ADA@EXAMPLE.org", "ada\u200b@example.org", "\ufeffada@example.org "),
    ("jos\u00e9@example.org", "jose\u0301@example.org", "JOSE\u0301@example.org"),
    ("\u0130ada@example.org", "I\u0307ada@example.org"),
    ("iada@example.org", "IADA@example.org"),
    ("stra\u00dfe@example.org", "STRA\u1e9eE@example.org"),
    ("strasse@example.org", "STRASSE@example.org"),
    ("\u03c3\u03b1\u03c2@example.org", "\u03a3\u0391\u03a3@example.org"),
    ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example", "ada@BU\u0308CHER.example"),
    ("ada@\u0909\u0926\u093e\u0939\u0930\u0923.\u092d\u093e\u0930\u0924",),
    ("ada@\u4f8b\u3048.\u30c6\u30b9\u30c8", "ada@\u4f8b\u3048\u3002\u30c6\u30b9\u30c8"),
    ("ada@\u0645\u062b\u0627\u0644.\u0627\u0644\u0633\u0639\u0648\u062f\u064a\u0629",),
    ("ada@\u0e15\u0e31\u0e27\u0e2d\u0e22\u0e48\u0e32\u0e07.\u0e44\u0e17\u0e22",),
    ("full@example.org", "full@\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.org"),
    ("\u0909\u0926@example.org",),
]


async def ids(service: httpx.AsyncClient, email: str) -> list[str]:
    found = await service.get("/customers", params={"email": email})
    assert found.status_code == 200, found.text
    return [customer["customer_id"] for customer in found.json()["items"]]


async def test_what_reads_the_same_is_one_address(service: httpx.AsyncClient) -> None:
    for ways in SAME:
        made = await create(service, email=ways[0])
        assert made.status_code == 201, (ways[0], made.text)
        for way in ways:
            again = await create(service, email=way)
            assert (again.status_code, again.json()["type"]) == (409, "/problems/email-taken")
    # And each is found alone, in whatever way it is asked for.
    for ways in SAME:
        (first,) = await ids(service, ways[0])
        for way in ways:
            assert await ids(service, way) == [first]
            taken = await service.patch(f"/customers/{first}", json={"email": way})
            assert taken.status_code == 200, taken.text


async def test_an_address_is_kept_without_what_cannot_be_seen(service: httpx.AsyncClient) -> None:
    made = await create(service, email=" \u202aJose\u0301\u200d@Example.org\u202c ")
    assert made.json()["email"] == "Jos\u00e9@Example.org"


@pytest.mark.parametrize(
    "email",
    [
        "ada@example",
        "ada@example.org.",
        "ada@.org",
        "ada@-a.org",
        "ada@xn--zzzz.org",
        "ada@" + "a" * 64 + ".org",
        "ada@\u200b.org",
        "\u200b@example.org",
        "a b@example.org",
        "ada@exa mple.org",
        "ada@ada@example.org",
        "a" * 65 + "@example.org",
        "a" * 255,
        "ada@" + "a.a" * 5000,
    ],
)
async def test_what_idna_does_not_take_is_no_domain(service: httpx.AsyncClient, email: str) -> None:
    refused = await create(service, email=email)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/email"
    assert await ids(service, email[:254]) == []


# As they came in before: by lower case alone, and in whatever form.
OLD = """
INSERT INTO customer.customers (email, name, created_at)
SELECT email, email, now() - place * interval '1 day'
  FROM unnest($1::text[]) WITH ORDINALITY AS old (email, place)
"""
# As an older version had it: without a key, and more than one of a kind.
AS_BEFORE = """
DROP INDEX customer.customers_email_key;
ALTER TABLE customer.customers DISABLE TRIGGER customers_email_key;
ALTER TABLE customer.customers DROP CONSTRAINT erased_means_no_personal_data;
"""
AS_TODAY = """
ALTER TABLE customer.customers ENABLE TRIGGER customers_email_key;
UPDATE fleet.schema_versions SET checksum = 'older';
"""


async def test_twins_of_an_older_version_are_kept_for_a_person_to_decide(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ["jose\u0301@example.org", "jos\u00e9@example.org", "ada@b\u00fccher.example"]
    old += ["ada@xn--bcher-kva.example", "ada@under_score.example", "bob@example.org"]
    rows = OLD.replace("$1", "ARRAY['" + "','".join(old) + "']")
    await run_sql(database_url, AS_BEFORE, rows, AS_TODAY)
    await schema.apply(database_url, [folder], {})
    monkeypatch.setenv("DATABASE_URL", as_service(database_url, folder))
    async with running(load_app(folder.name)) as service:

        async def twins() -> list[dict[str, str]]:
            items: list[dict[str, str]] = (await service.get("/twins")).json()["items"]
            return items

        # SQL sees one pair, the service the other one.
        assert len(await until(twins, lambda found: len(found) == 2, seconds=15)) == 2
        for email, count in (
            (old[0], 2), (old[1], 2), (old[2], 2), (old[3], 2), (old[4], 1), (old[5], 1)
        ):  # fmt: skip
            assert len(await ids(service, email)) == count, email
            taken = await create(service, email=email)
            assert taken.status_code == (422 if "_" in email else 409)  # which is no domain now
        # The older of the two has it. Where it goes, the other one has it, alone.
        jose = next(each for each in await twins() if "@example.org" in each["email"])
        assert (await service.delete(f"/customers/{jose['twin_of']}")).status_code == 204
        assert await ids(service, old[0]) == [jose["customer_id"]]
        assert (await create(service, email=old[0])).status_code == 409
        # Where a twin takes another address, it is none any more.
        (ada,) = await twins()
        path = f"/customers/{ada['customer_id']}"
        assert (await service.patch(path, json={"name": "Ada"})).status_code == 200
        assert len(await twins()) == 1
        assert (await service.patch(path, json={"email": "ada@example.net"})).status_code == 200
        assert await twins() == []
        assert (await create(service, email=old[2])).status_code == 409


async def test_an_older_versions_service_goes_on(
    service: httpx.AsyncClient, database_url: str
) -> None:
    """Its statements name no key: they write, and are found all the same."""
    path = await created(service, email="old@example.org")
    customer_id = path.rpartition("/")[2]
    await run_sql(database_url, "UPDATE customer.customers SET email = 'New@example.org'")
    assert await ids(service, "new@example.org") == [customer_id]
    assert await ids(service, "old@example.org") == []
    await run_sql(
        database_url,
        "UPDATE customer.customers SET email = NULL, name = NULL, phone = NULL, address = NULL,"
        " erased_at = now()",
    )
    assert await ids(service, "new@example.org") == []
    assert (await create(service, email="new@example.org")).status_code == 201
