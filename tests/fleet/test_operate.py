"""The operator's commands where there is no fleet, and what they make of what they read."""

import asyncio
import importlib
from math import inf
from pathlib import Path

import jwt
import pytest

from fleet import deployment, follow, issuer, keys, psql, status, traffic
from fleet.deployment import Containers, Local, Login
from fleet.failure import Failure

METRICS = "http_server_request_duration_seconds"


@pytest.fixture
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with neither a fleet nor Docker."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_server(port_base: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the PostgreSQL of Compose would be, there is none."""
    monkeypatch.setenv("POSTGRES_PORT", str(port_base + 1))
    monkeypatch.delenv("AUDIT_DATABASE_URL", raising=False)


@pytest.mark.parametrize("command", ["status", "parked", "backup", "erased", "audit"])
@pytest.mark.usefixtures("nothing_runs", "no_server")
def test_where_nothing_runs_they_say_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert importlib.import_module(f"fleet.{command}").main([]) != 0
    assert deployment.NOTHING_RUNS in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_runs")
def test_psql_where_nothing_runs() -> None:
    with pytest.raises(Failure, match="Nothing is running"):
        psql.program([])


def test_logs_of_what_has_ended_are_still_there(nothing_runs: Path) -> None:
    environ = {"DATA_DIR": str(nothing_runs)}
    with pytest.raises(Failure, match="Has the fleet run"):
        follow.program(environ, "")
    (nothing_runs / "logs").mkdir()
    for name in ("cart", "order"):
        (nothing_runs / "logs" / f"{name}.log").touch()
    assert len(follow.program(environ, "").words) - len(follow.program(environ, "cart").words) == 1
    with pytest.raises(Failure, match=r"no log of crt\. .*: product_catalogue, cart, order, "):
        follow.program(environ, "crt")
    with pytest.raises(Failure, match=r"search\.log. Has the fleet run"):
        follow.program(environ, "search")


def test_logs_of_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "find", lambda _: Containers({}))
    assert follow.program({}, "cart").words[:4] == ["docker", "compose", "logs", "--follow"]
    assert follow.program({}, "cart").words[-1] == "cart"


def test_no_password_on_a_command_line() -> None:
    fleet = Local({}, "postgresql://boss:s%2Fecret@db:5432/shop", {"cart": "hidden"})
    for role, user, password in ((None, "boss", "s/ecret"), ("cart_app", "cart_app", "hidden")):
        program = fleet.program("psql", login=Login(role))
        assert f"--dbname=postgresql://{user}@db:5432/shop" in program.words
        assert program.environment["PGPASSWORD"] == password


def page(started: float, *buckets: tuple[str, int], code: str = "200", route: str = "/x") -> str:
    labels = f'route="{route}",status="{code}"'
    rows = [f'{METRICS}_bucket{{le="{bound}",{labels}}} {count}' for bound, count in buckets]
    return "\n".join(
        [
            f"# TYPE {METRICS} histogram",
            *rows,
            f"{METRICS}_count{{{labels}}} {buckets[-1][1]}",
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {started}\n",
        ]
    )


def test_rates_are_of_the_time_between() -> None:
    before = traffic.read(page(1, ("0.1", 50), ("1.0", 90), ("+Inf", 90)))
    after = traffic.read(page(1, ("0.1", 50), ("1.0", 190), ("+Inf", 190), code="503"))
    lately = after.since(before)
    assert (lately.requests, lately.failed) == (100, 190)
    assert lately.percentile(0.5) == pytest.approx(0.55)
    assert lately.percentile(0.99) == pytest.approx(0.991)


def test_what_was_started_anew_counts_from_nothing() -> None:
    before = traffic.read(page(1, ("0.1", 90), ("+Inf", 90)))
    after = traffic.read(page(2, ("0.1", 5), ("+Inf", 10)))
    assert after.since(before).requests == 10
    assert after.percentile(0.99) == inf


def test_health_checks_are_no_traffic() -> None:
    quiet = traffic.read(page(1, ("0.1", 90), ("+Inf", 90), route="/readyz"))
    assert (quiet.requests, quiet.percentile(0.99)) == (0, None)


def test_a_service_that_is_away_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    status.tell(asyncio.run(status.look({"cart": "http://127.0.0.1:1"}, 0)), 1)
    said = capsys.readouterr().out
    assert said.rstrip().endswith("no answer")
    titles = said.splitlines()[0].split("  ")
    assert len(set(filter(None, titles))) == 9


def test_a_token_without_a_role_says_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    keys.make_missing(tmp_path / "keys", [keys.LOCAL_KEY])
    issuer.main([""])
    said = capsys.readouterr()
    claims = jwt.decode(said.out.strip(), options={"verify_signature": False})
    assert claims["roles"] == ["admin"]
    assert said.err.startswith(f"An admin's, for {(claims['exp'] - claims['iat']) // 3600} hours.")
    issuer.main(["staff"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["stuff"], "ROLE=stuff is no role. Choose one of: customer, staff, admin."),
        (["customer", "ada"], "CUSTOMER=ada is not the id of a customer, which is a UUID."),
        (["customer"], "Which one? make token ROLE=customer CUSTOMER="),
    ],
)
def test_a_token_for_nobody_is_refused_in_words(asked: list[str], told: str) -> None:
    with pytest.raises(SystemExit) as refused:
        issuer.main(asked)
    assert str(refused.value.code).startswith(told)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0.0042, "4.2 ms"), (3, "3.0 s"), (180, "3 min"), (9000, "2 h"), (inf, "longer")],
)
def test_durations_are_told_in_the_unit_that_fits(seconds: float | None, said: str) -> None:
    assert status.duration(seconds) == said
