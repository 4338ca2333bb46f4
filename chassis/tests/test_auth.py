"""Who gets in, with either mode; and which settings do not start."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis import Router, auth
from chassis.app import ServiceApp
from chassis.auth import LOCAL_AUDIENCE, LOCAL_ISSUER, LOCAL_KEY, Gate, InvalidToken
from chassis.callers import SERVICE, Caller, person
from chassis.context import RequestContext, current, enter
from chassis.oidc import LEEWAY_SECONDS, Key, OneKey, People
from chassis.server import ANYWHERE
from chassis.settings import Settings
from chassis.tokens import ALGORITHM, Callers, Minter, private_key, public_key
from conftest import running
from fleet.keys import change, make_missing, retire

WARNING = "AUTHENTICATION IS OFF"
DSN = "postgresql://nobody@127.0.0.1:9/nothing"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    make_missing(tmp_path / "keys", ["sample", "other", LOCAL_KEY])
    return tmp_path / "keys"


@pytest.fixture
def environment(keys: Path) -> dict[str, str]:
    return {"KEYS_DIR": str(keys)}


def token(keys: Path, role: str, **changes: object) -> dict[str, str]:
    now = int(time.time())
    claims = {
        "iss": LOCAL_ISSUER,
        "aud": LOCAL_AUDIENCE,
        "sub": "sam",
        "roles": [role],
        "iat": now,
        "exp": now + 60,
        **changes,
    }
    signed = jwt.encode(claims, private_key(keys / f"{LOCAL_KEY}.key"), ALGORITHM)
    return {"Authorization": f"Bearer {signed}"}


async def test_dev_asks_nobody_and_checks_what_is_shown(
    service: httpx.AsyncClient, keys: Path
) -> None:
    assert (await service.get("/notes/count")).status_code == 200
    assert (await service.get("/notes/count", headers=token(keys, "staff"))).status_code == 200
    refused = await service.get("/notes/count", headers=token(keys, "customer"))
    assert refused.json()["type"] == "/problems/not-admitted"
    for shown in ("Bearer mellon", "Basic c2FtOnNhbQ==", "Bearer " + "x" * 9000):
        answer = await service.get("/notes/count", headers={"Authorization": shown})
        assert answer.json()["type"] == "/problems/invalid-token", shown


async def test_dev_warns_in_one_line(app: ServiceApp, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(app) as client:
        await client.get("/notes/count")
    assert capsys.readouterr().out.count(WARNING) == 1


class CountedKey(OneKey):
    """How often a token had to be checked."""

    asked = 0

    async def find(self, key_id: str | None) -> Key | None:
        self.asked += 1
        return await super().find(key_id)


def gate_with(key: CountedKey, *moments: float) -> Gate:
    people = People(LOCAL_ISSUER, LOCAL_AUDIENCE, key, roles_claim="roles", id_claim="sub")
    clock = iter(moments)
    services = Callers("sample", {})
    return Gate(enforced=True, services=services, people=people, clock=lambda: next(clock))


async def show(gate: Gate, shown: dict[str, str]) -> None:
    enter(RequestContext(authorization=shown["Authorization"].encode()))
    await gate.admit(frozenset({"staff"}))


async def test_a_token_is_checked_once_until_it_ends(keys: Path) -> None:
    key, now = CountedKey(public_key(keys / f"{LOCAL_KEY}.pub")), time.time()
    end = 60 + LEEWAY_SECONDS
    gate = gate_with(key, now, now + end - 2, now + end + 2)
    shown = token(keys, "staff")
    for asked in (1, 1, 2):
        await show(gate, shown)
        assert key.asked == asked


async def test_only_so_many_are_known(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_KNOWN", 2)
    key, now = CountedKey(public_key(keys / f"{LOCAL_KEY}.pub")), time.time()
    gate = gate_with(key, *[now] * 9)
    first, *others = (token(keys, "staff", sub=f"sam {number}") for number in range(3))
    for shown, asked in ((first, 1), (first, 1), (others[0], 2), (others[1], 3), (first, 4)):
        await show(gate, shown)
        assert key.asked == asked


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER  ", "bEaReR   "])
async def test_however_a_token_is_sent_it_is_one(scheme: str, keys: Path) -> None:
    """Else one token would drive all others out of what is known."""
    key, now = CountedKey(public_key(keys / f"{LOCAL_KEY}.pub")), time.time()
    gate = gate_with(key, *[now] * 9)
    shown = token(keys, "staff")
    await show(gate, shown)
    await show(gate, {"Authorization": shown["Authorization"].replace("Bearer ", scheme) + " "})
    assert key.asked == 1


@pytest.mark.parametrize("spelling", ["noise", "bits", "padding"])
async def test_a_token_has_one_spelling(spelling: str, keys: Path) -> None:
    """What reads base64 passes over what is none of it, and over bits that no byte has."""
    key, now = CountedKey(public_key(keys / f"{LOCAL_KEY}.pub")), time.time()
    gate = gate_with(key, *[now] * 9)
    shown = token(keys, "staff")["Authorization"]
    # An Ed25519 signature ends with a letter that carries two bits: the next one means the same.
    last = {"A": "B", "Q": "R", "g": "h", "w": "x"}[shown[-1]]
    other = {"noise": shown[:-9] + "!" + shown[-9:], "bits": shown[:-1] + last}
    with pytest.raises(InvalidToken):
        await show(gate, {"Authorization": other.get(spelling, shown + "==")})


def settings(keys: Path | None, **changes: Any) -> Settings:
    return Settings(database_url=DSN, keys_dir=keys, **changes)


IN_PRODUCTION = {"auth_mode": "enforce", "environment": "production"}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "beyond this machine": ({"bind_address": ANYWHERE}, "AUTH_MODE is dev"),
    "in production": ({"environment": "production"}, "AUTH_MODE is dev"),
    "without keys": ({"auth_mode": "enforce", "keys": None}, "KEYS_DIR is not set"),
    "with no provider": (
        {"auth_mode": "enforce", "environment": "production"},
        "OIDC_ISSUER is not set",
    ),
    "for anybody": (
        {"auth_mode": "enforce", "oidc_issuer": "https://id.example"},
        "OIDC_AUDIENCE is not set",
    ),
    "with a provider that anybody may be": (
        {"auth_mode": "enforce", "oidc_audience": "shop", "oidc_issuer": "http://id.example"},
        "OIDC_ISSUER is wrong: outside a private network it has to be https",
    ),
    "with a provider over http in production": (
        {"oidc_audience": "shop", "oidc_issuer": "http://127.0.0.1:9", **IN_PRODUCTION},
        "OIDC_ISSUER is not https",
    ),
    "with keys that anybody may change": (
        {
            "oidc_audience": "shop",
            "oidc_issuer": "https://id.example",
            "oidc_jwks_url": "http://id.example/keys",
            **IN_PRODUCTION,
        },
        "OIDC_JWKS_URL is wrong: outside a private network it has to be https",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_would_be_open_to_strangers_or_to_nobody_does_not_start(
    why: str, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, said = REFUSED[why]
    with pytest.raises(SystemExit, match="2"):
        auth.gate("sample", settings(**{"keys": keys} | changes), {f"{SERVICE}other"})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sample: {said}")


@pytest.mark.parametrize("broken", ["other.pub", "sample.key"])
@pytest.mark.parametrize("content", [None, "nonsense", "of another kind"])
def test_a_key_that_is_of_no_use_stops_the_start(
    broken: str, content: str | None, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = {"other.pub": "sample.key", "sample.key": "other.pub"}[broken]
    if content is None:
        (keys / broken).unlink()
    else:
        text = (keys / kind).read_text() if content == "of another kind" else content
        (keys / broken).write_text(text)
    enforced = settings(keys, auth_mode="enforce")
    starts: dict[str, Callable[[], object]] = {
        "other.pub": lambda: auth.gate("sample", enforced, {f"{SERVICE}other"}),
        "sample.key": lambda: auth.credentials("sample", enforced, ["other"]),
    }
    with pytest.raises(SystemExit):
        starts[broken]()
    assert "KEYS_DIR is wrong" in capsys.readouterr().err


async def test_a_caller_changes_its_key_and_no_call_is_refused(
    keys: Path, app: ServiceApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is started again first. 403 is for a token that is believed, on this route."""
    make_missing(keys, ["other", "other.next"])
    monkeypatch.setenv("AUTH_MODE", "enforce")
    monkeypatch.setattr(app.state, "admitted", {f"{SERVICE}other"})

    def caller() -> dict[str, str]:
        return Minter("other", private_key(keys / "other.key")).headers_for("sample")

    async def answers(client: httpx.AsyncClient, *shown: dict[str, str]) -> list[int]:
        return [(await client.get("/notes/count", headers=each)).status_code for each in shown]

    before = caller()
    async with running(app) as client:
        assert await answers(client, before) == [403]
        change(keys, "other")
        after = caller()
        assert after != before
        assert await answers(client, after, before) == [403, 403]
    async with running(app) as client:
        assert await answers(client, after, before) == [403, 403]
        retire(keys, "other")
        assert await answers(client, after) == [403]
    async with running(app) as client:
        assert await answers(client, after, before) == [403, 401]


@pytest.mark.parametrize("arguments", [["--host", ANYWHERE], [f"--host={ANYWHERE}"]])
def test_a_service_alone_knows_where_it_listens(
    arguments: list[str], keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["uvicorn", "app.main:app", *arguments])
    with pytest.raises(SystemExit):
        auth.gate("sample", settings(keys), ())
    # Whoever publishes its port knows better.
    auth.gate("sample", settings(keys, bind_address="127.0.0.1"), ())


def test_a_service_alone_may_be_told_by_a_variable(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UVICORN_HOST", ANYWHERE)
    with pytest.raises(SystemExit):
        auth.gate("sample", settings(keys), ())


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_this_machine_has_several_names(address: str, keys: Path) -> None:
    auth.gate("sample", settings(keys, bind_address=address), ())


def test_a_peer_is_shown_one_token_for_most_of_its_life() -> None:
    now = time.time()
    moments = iter((now, now + 44, now + 46))
    minter = Minter("sample", Ed25519PrivateKey.generate(), lambda: next(moments))
    first, again, later = (minter.headers_for("other") for _ in range(3))
    assert first is again
    assert first != later
    told = jwt.decode(
        first["Authorization"].removeprefix("Bearer "), options={"verify_signature": False}
    )
    assert (told["iss"], told["aud"], told["exp"] - told["iat"]) == ("sample", "other", 60)


def test_nobody_is_admitted_by_a_route_that_does_not_say() -> None:
    async def silent() -> None: ...

    with pytest.raises(TypeError, match="does not say whom it admits"):
        Router().get("/silent")(silent)


def test_a_customer_beside_a_wider_role_is_not_limited() -> None:
    themselves = uuid4()
    assert person(frozenset({"customer"}), themselves).owner == themselves
    assert person(frozenset({"customer", "staff"}), themselves).owner is None
    assert person(frozenset({"customer"}), None) == Caller(frozenset())


@pytest.mark.parametrize(
    ("mode", "outermost"), [("dev", [False] * 3), ("enforce", [True, True, False])]
)
async def test_who_does_not_show_that_it_is_a_peer_waits_in_line(
    mode: str, outermost: list[bool], keys: Path, app: ServiceApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First without a token, then with one that was not seen before, then with the same again."""
    monkeypatch.setenv("AUTH_MODE", mode)
    monkeypatch.setattr(app.state, "admitted", {f"{SERVICE}other"})
    found: list[bool] = []
    admit = Gate.admit

    async def note(gate: Gate, admitted: frozenset[str]) -> None:
        found.append(current().outermost)
        await admit(gate, admitted)

    monkeypatch.setattr(Gate, "admit", note)
    shown = Minter("other", private_key(keys / "other.key")).headers_for("sample")
    async with running(app) as client:
        for headers in ({}, shown, shown):
            await client.get("/notes/count", headers={**headers, "X-Request-Timeout-Ms": "900"})
    assert found == outermost
