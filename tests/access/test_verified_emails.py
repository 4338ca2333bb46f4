"""A customer takes the e-mail address that their provider has verified, and learns of no other."""

import httpx
import pytest

from tests.access.tokens import Tokens
from tests.access.world import World

TOLD = {"email": "Ada@B\u00fccher.example", "email_verified": True}
OTHER = "bob@example.org"


@pytest.fixture
def name() -> str:
    return "customer"


@pytest.fixture
def peers() -> World:
    return World()


def bearer(tokens: Tokens, **claims: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.person('customer', **claims)}"}


async def test_only_the_verified_address_is_taken(
    service: httpx.AsyncClient, tokens: Tokens
) -> None:
    staff = {"Authorization": f"Bearer {tokens.person('staff', subject='sam')}"}
    taken = await service.post("/customers", json={"email": OTHER, "name": "Bob"}, headers=staff)
    assert taken.status_code == 201
    ada = bearer(tokens, **TOLD)
    # Whether somebody has it or not, the answer is the same.
    for email in (OTHER, "nobody@example.org"):
        refused = await service.post("/customers", json={"email": email, "name": "A"}, headers=ada)
        assert (refused.status_code, refused.json()["type"]) == (
            403,
            "/problems/email-not-verified",
        )
    own = {"email": "ada@xn--bcher-kva.example", "name": "Ada"}
    made = await service.post("/customers", json=own, headers=ada)
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    moved = await service.patch(path, json={"email": OTHER}, headers=ada)
    assert moved.status_code == 403
    assert OTHER not in moved.text
    for body in ({"email": TOLD["email"]}, {"name": "Ada L."}):
        assert (await service.patch(path, json=body, headers=ada)).status_code == 200
    # The staff may, who have asked.
    assert (await service.patch(path, json={"email": "a@b.org"}, headers=staff)).status_code == 200


@pytest.mark.parametrize("verified", [False, None, "false", 1.5])
async def test_an_address_that_is_not_verified_is_not_taken(
    service: httpx.AsyncClient, tokens: Tokens, verified: object
) -> None:
    claims = {"email": OTHER, "email_verified": verified}
    body = {"email": OTHER, "name": "Ada"}
    refused = await service.post("/customers", json=body, headers=bearer(tokens, **claims))
    assert refused.json()["type"] == "/problems/email-not-verified"


async def test_a_provider_that_tells_no_address_leaves_it_to_the_customer(
    service: httpx.AsyncClient, tokens: Tokens
) -> None:
    body = {"email": OTHER, "name": "Ada"}
    made = await service.post("/customers", json=body, headers=bearer(tokens))
    assert made.status_code == 201, made.text
