"""What the documents name exists, and what exists is named."""

import re
import subprocess
from pathlib import Path

import pytest

from chassis import problem_pages
from chassis.app import load_app
from chassis.settings import Settings
from fleet import audit
from fleet.services import ROOT, SERVICES

README = (ROOT / "README.md").read_text()
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_every_variable_of_a_service_is_in_the_table() -> None:
    kinds = {Settings, *(load_app(service.folder).state.settings_type for service in SERVICES)}
    names = {name.upper() for kind in kinds for name in kind.model_fields}
    peers = {service.url_variable for service in SERVICES}
    missing = {name for name in names - peers if f"`{name}`" not in README}
    assert missing == set()


def test_every_variable_in_the_table_is_read_somewhere() -> None:
    table = README.split("## Configuration")[1].split("## Add a service")[0]
    sources = "".join(
        path.read_text()
        for pattern in ("chassis/*.py", "fleet/**/*.py", "*Service/app/*.py", "docker-compose*.yml")
        for path in ROOT.glob(pattern)
    )
    for variable in re.findall(r"`([A-Z_]+)`", table):
        assert variable in sources or variable.lower() in sources, variable


def test_invariants_are_counted() -> None:
    safety, liveness = len(audit.safety()), len(audit.liveness())
    page = (ROOT / "docs/reliability.md").read_text().replace("\n", " ")
    assert f"{safety + liveness} invariants over all schemas" in page
    assert f"{safety} hold at every instant, {liveness} within seconds" in page


def test_services_table_is_the_registry() -> None:
    for service in SERVICES:
        url, calls = f"http://127.0.0.1:{service.port(8000)}/docs", ", ".join(service.calls)
        row = f"| {service.name} | {url} | {service.job} | {calls} |"
        assert row.replace("|  |", "| |") in README


def test_graph_is_the_registry() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    (graph,) = re.findall(r"```mermaid\ngraph LR\n(.*?)```", page, re.DOTALL)
    edges = set(re.findall(r"^    (\w+)(?:\[[^\]]*\])? --> (\w+)", graph, re.MULTILINE))
    assert edges == {(service.name, peer) for service in SERVICES for peer in service.calls}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_and_files_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
    for path in re.findall(
        r"`((?:chassis|fleet|tests|docs|bench|\w+Service)/[\w./-]+\.\w+)`", text
    ):
        assert (ROOT / path).exists(), path


def test_every_risk_is_covered_by_tests_that_exist() -> None:
    """The ten of OWASP's list for APIs, in the table of docs/security.md."""
    rows = re.findall(r"^\| API(\d+) .*\|$", (ROOT / "docs/security.md").read_text(), re.MULTILINE)
    assert [int(number) for number in rows] == list(range(1, 11))
    for row in re.findall(r"^\| API.*\|$", (ROOT / "docs/security.md").read_text(), re.MULTILINE):
        tests = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", row)
        assert tests, row
        for path, test in tests:
            source = (ROOT / path).read_text()
            assert re.search(rf"def {test or 'test_'}", source), f"{path}::{test}"


def test_every_verb_that_is_named_is_a_verb() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verbs = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    for page in PAGES:
        for verb in re.findall(r"`?make ([a-z-]+)", page.read_text()):
            assert verb in verbs or verb in WORDS_AFTER_MAKE, f"{page.name}: make {verb}"
    assert {verb for verb in verbs if f"make {verb}" not in README} <= NOT_IN_README


WORDS_AFTER_MAKE = {"are", "one", "the"}
NOT_IN_README = {"install", "install-dev", "lint", "format", "lock"}


def test_every_problem_that_is_named_exists() -> None:
    known = set()
    for service in SERVICES:
        app = load_app(service.folder)
        known |= set(re.findall(r"/problems/[a-z-]+", str(app.openapi())))
        known |= {each.type_uri() for each in problem_pages.of_service(app.state.folder).values()}
    for page in PAGES:
        for problem in re.findall(r"/problems/[a-z-]+", page.read_text()):
            assert problem in known, f"{page.name}: {problem}"


def test_help_lists_every_target() -> None:
    said = subprocess.run(
        ["/usr/bin/env", "make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for verb in re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE):
        assert f"make {verb} " in said
