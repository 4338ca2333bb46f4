"""A fleet that comes up, stays up and goes down."""

import fcntl
import os
import signal
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from fleet import audit, console, deployment, down, instance
from fleet.account import Account, unprivileged
from fleet.failure import Failure
from fleet.instance import Running
from fleet.members import delay_after, ending
from fleet.services import SERVICES
from fleet.settings import Settings

from .conftest import Fleet, eventually


def test_each_service_is_told_its_own_role_and_its_peers_only(new_fleet: Fleet) -> None:
    new_fleet.up()
    alpha, beta = new_fleet.ask(1), new_fleet.ask(2)
    assert alpha["BETA_URL"] == f"http://127.0.0.1:{new_fleet.base + 2}"
    assert beta["BETA_URL"] is None
    assert alpha["DATABASE_URL"].startswith("postgresql://alpha_app:")
    assert alpha["DATABASE_URL"].endswith("/shop")
    assert alpha["LOG_FORMAT"] == "json"


def test_secrets_are_for_their_owner_only(new_fleet: Fleet) -> None:
    new_fleet.up()
    assert stat.S_IMODE((new_fleet.data / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((new_fleet.data / "run").stat().st_mode) == 0o700


def uids(pid: int) -> set[int]:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("Uid:")]
    return set(map(int, line.split()[1:]))


def test_no_service_is_root_where_that_can_be_helped(fleet: Fleet) -> None:
    """Its keys it can read. Where root's Python is shut to everybody else, a line says so."""
    process = fleet.begin("up")
    assert process.stdout
    said = ""
    while "make down" not in said:
        said += process.stdout.readline()
    account = unprivileged()
    helped = account is None or account.can_read([Path(os.__file__)])
    own = account.uid if account and helped else os.geteuid()
    told = [line for line in said.splitlines() if "The services run as root: " in line]
    assert [line.index("The services") for line in told] == ([2] if own == 0 else [])
    keys = fleet.data / "keys"
    assert {each.stat().st_uid for each in (keys, *keys.iterdir())} == (
        {account.uid} if account else {own}
    )
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    for offset, name in enumerate(("alpha", "beta"), start=1):
        assert uids(fleet.pid(name)) == {own}
        assert fleet.answers(offset)


def test_who_has_become_somebody_else_stays_that(tmp_path: Path) -> None:
    """In a process of its own, which says how that went. Only root can become somebody else."""
    account = unprivileged()
    shut = tmp_path / "shut"
    shut.write_text("secret")
    shut.chmod(0o600)
    child = os.fork()
    if child == 0:
        os._exit(_try_to_return(account, shut))
    _, ended = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(ended) == 0


def _try_to_return(account: Account | None, shut: Path) -> int:
    """How many things went wrong."""
    if account is None:
        return int(os.geteuid() == 0)
    account.become()
    ids = {os.getuid(), os.geteuid(), os.getgid(), *os.getgroups()}
    wrong = int(ids != {account.uid, account.gid})
    for attempt in (lambda: os.setuid(0), lambda: os.setgid(0), shut.read_text):
        with suppress(PermissionError):
            attempt()
            wrong += 1
    os.listdir("/proc/self/fd")  # as the metrics do
    return wrong


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(fleet: Fleet, asked: signal.Signals) -> None:
    supervisor = fleet.up()
    supervisor.send_signal(asked)
    said, _ = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert said.endswith("Stopped.\n")
    assert fleet.processes() == []
    assert "database system is shut down" in fleet.log("postgres")


def test_down_stops_everything_and_says_so(fleet: Fleet) -> None:
    supervisor = fleet.up()
    status, said = fleet.run("down")
    assert (status, said.splitlines()[-1]) == (0, "Stopped.")
    assert supervisor.wait(5) == 0
    assert fleet.processes() == []


def test_down_without_a_fleet_says_so(new_fleet: Fleet) -> None:
    assert new_fleet.run("down") == (0, "Nothing is running.\n")


def test_down_ends_a_supervisor_that_does_not_listen(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor = fleet.up()
    os.kill(supervisor.pid, signal.SIGSTOP)
    monkeypatch.setattr(down, "ASKED_SECONDS", 0.2)
    down.down(Settings(data_dir=fleet.data))
    assert "Stopped, by force" in capsys.readouterr().out
    supervisor.wait(5)
    assert fleet.processes() == []


def test_a_second_up_says_that_it_runs(fleet: Fleet) -> None:
    supervisor = fleet.up()
    status, said = fleet.run("up")
    assert status == 0
    assert f"runs already (process {supervisor.pid})" in said
    assert f"http://127.0.0.1:{fleet.base + 1}/docs" in said
    assert "No authentication: who calls without a token is an admin." in said
    assert fleet.answers(1)


def test_other_commands_find_the_fleet_by_its_data_folder_alone(fleet: Fleet) -> None:
    port = fleet.base + 3
    fleet.up(POSTGRES_PORT=str(port))
    environ = {"DATA_DIR": str(fleet.data)}
    found = deployment.find(environ)
    assert found.urls["product_catalogue"] == f"http://127.0.0.1:{fleet.base + 1}"
    assert deployment.look(found, "SHOW port") == str(port)
    assert f":{port}/shop" in audit.auditor_url(environ)


def test_a_fleet_on_a_given_server_says_that_it_must_be_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running = Running(1, "127.0.0.1", 8000, str(tmp_path), on_given_server=True)
    monkeypatch.setattr(instance, "find", lambda _: running)
    environ = {"DATA_DIR": str(tmp_path)}
    for ask in (deployment.find, audit.auditor_url):
        with pytest.raises(Failure, match="Name it here too: DATABASE_URL="):
            ask(environ)
        ask(environ | {"DATABASE_URL": "postgresql://me@127.0.0.1/shop"})


def test_what_an_older_version_wrote_is_understood(tmp_path: Path) -> None:
    with (tmp_path / "fleet.pid").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        print('{"pid": 1, "host": "::1", "port_base": 80, "data_dir": "x"}', file=file, flush=True)
        assert instance.find(tmp_path) == Running(1, "::1", 80, "x")


def test_the_table_of_services_has_straight_columns(capsys: pytest.CaptureFixture[str]) -> None:
    console.overview(SERVICES, Running(1, "127.0.0.1", 18200, "/data"))
    heading, *rows = capsys.readouterr().out.splitlines()[1 : len(SERVICES) + 2]
    for title in ("URL", "DOCS", "DOES"):
        at = heading.index(title)
        assert {row[at - 2 : at] for row in rows} == {"  "}
        assert all(row[at] != " " for row in rows)


def test_a_killed_supervisor_leaves_nothing(fleet: Fleet) -> None:
    fleet.up().kill()
    eventually(lambda: fleet.processes() == [])
    assert "database system is shut down" in fleet.log("postgres")


def test_up_after_a_killed_supervisor_waits_for_what_is_left(fleet: Fleet) -> None:
    fleet.up().kill()
    fleet.up()
    assert fleet.answers(1)


@pytest.mark.parametrize("name", ["alpha", "postgres"])
def test_what_is_killed_is_started_again(fleet: Fleet, name: str) -> None:
    supervisor = fleet.up()
    before = fleet.pid(name)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: fleet.pid(name) != before)
    eventually(lambda: fleet.answers(1))
    line = f"{name} was killed by SIGKILL; starting it again at once"
    assert supervisor.stdout
    assert line in supervisor.stdout.readline()
    assert line in fleet.log("fleet")


def test_a_server_that_is_killed_recovers(fleet: Fleet) -> None:
    fleet.up()
    os.kill(server_of(fleet), signal.SIGKILL)
    eventually(lambda: "postgres ended with status 9" in fleet.log("fleet"))
    eventually(lambda: fleet.log("postgres").count("ready to accept connections") == 2)


def test_data_outlives_a_restart(new_fleet: Fleet) -> None:
    new_fleet.up()
    identity = (new_fleet.data / "postgres" / "global" / "pg_control").read_bytes()[:8]
    new_fleet.run("down")
    new_fleet.up()
    assert (new_fleet.data / "postgres" / "global" / "pg_control").read_bytes()[:8] == identity


@pytest.mark.parametrize(
    ("deaths", "delay"), [(1, 0.0), (2, 0.5), (3, 1.0), (4, 2.0), (6, 8.0), (7, 10.0), (99, 10.0)]
)
def test_patience_grows_with_every_death(deaths: int, delay: float) -> None:
    assert delay_after(deaths) == delay


def test_endings_are_told_in_words() -> None:
    assert ending(3) == "ended with status 3"
    assert ending(-signal.SIGSEGV) == "was killed by SIGSEGV"


def server_of(fleet: Fleet) -> int:
    return int(Path(fleet.data, "postgres", "postmaster.pid").read_text().split()[0])
