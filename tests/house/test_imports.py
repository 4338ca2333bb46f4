"""House rules that are programs: who may import, call and copy what."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.services import BY_NAME, ROOT, SERVICES

FOLDERS = [ROOT / service.folder for service in SERVICES]
SERVICE = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module)


@SERVICE
def test_service_imports_itself_relatively_and_no_other(folder: Path) -> None:
    for path, tree in modules(folder / "app"):
        for module in imported(tree):
            root = module.split(".")[0]
            assert root != "app", f"{path}: `{module}` would find any service's app"
            assert not root.endswith("Service"), f"{path} imports {module}"
            assert root not in {"fleet", "tests", "conftest"}, f"{path} imports {module}"


def test_chassis_knows_no_service_and_no_business() -> None:
    # A SKU is a kind of value, as money is: one form for all of them.
    business = re.compile(
        r"\b(carts?|orders?|products?|customers?|payments?|shipments?|warehouse|fulfilment)\b",
        re.IGNORECASE,
    )
    for path, tree in modules(ROOT / "chassis"):
        if "tests" in path.parts:
            continue
        assert not [m for m in imported(tree) if m.split(".")[0].endswith("Service")], path
        names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
        names += [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]
        assert not [name for name in names if business.fullmatch(name)], path


@SERVICE
def test_service_calls_only_along_its_edges(folder: Path) -> None:
    """A peer is only ever reached as peers["name"], so its name stands in the source."""
    service = BY_NAME[folder.name.removesuffix("Service")]
    source = "".join(path.read_text() for path, _ in modules(folder / "app"))
    called = set(re.findall(r'peers\["(\w+)"\]', source))
    assert called == set(service.calls)
    (declared,) = re.findall(r"peers=(\([^)]*\))", source) or ["()"]
    assert set(ast.literal_eval(declared)) == set(service.calls)


class OpenUnitsOfWork(ast.NodeVisitor):
    """Finds calls to peers inside `async with ….unit_of_work()`, also through local functions."""

    def __init__(self, callers_of_peers: set[str]) -> None:
        self.callers_of_peers = callers_of_peers
        self.depth = 0
        self.found: list[int] = []

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        opens = any("unit_of_work" in ast.unparse(item.context_expr) for item in node.items)
        self.depth += opens
        self.generic_visit(node)
        self.depth -= opens

    def visit_Await(self, node: ast.Await) -> None:
        if self.depth and isinstance(node.value, ast.Call):
            called = ast.unparse(node.value.func)
            if "peers[" in called or called.split(".")[-1] in self.callers_of_peers:
                self.found.append(node.lineno)
        self.generic_visit(node)


def callers_of_peers(folder: Path) -> set[str]:
    """The functions of a service that call a peer, themselves or through one another."""
    bodies = {
        node.name: ast.unparse(node)
        for _, tree in modules(folder / "app")
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef)
    }
    found = {name for name, body in bodies.items() if 'peers["' in body or "peers['" in body}
    while more := {
        name
        for name, body in bodies.items()
        if name not in found and any(re.search(rf"\b{caller}\(", body) for caller in found)
    }:
        found |= more
    return found


@SERVICE
def test_no_peer_is_called_under_an_open_unit_of_work(folder: Path) -> None:
    callers = callers_of_peers(folder)
    for path, tree in modules(folder / "app"):
        visitor = OpenUnitsOfWork(callers)
        visitor.visit(tree)
        assert not visitor.found, f"{path}: lines {visitor.found}"


def test_that_rule_can_fail() -> None:
    visitor = OpenUnitsOfWork({"ask"})
    visitor.visit(
        ast.parse("async def f():\n async with once.unit_of_work() as db:\n  await ask()")
    )
    assert visitor.found == [3]


@SERVICE
def test_main_composes_and_does_nothing_else(folder: Path) -> None:
    tree = ast.parse((folder / "app" / "main.py").read_text())
    kinds = {type(node) for node in tree.body}
    assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}, kinds


@SERVICE
def test_no_table_of_another_service_is_named(folder: Path) -> None:
    """Only the tables that its own schema.sql makes appear in a service's SQL."""
    tables = {
        other.name: set(
            re.findall(
                r"CREATE TABLE IF NOT EXISTS (\w+\.\w+)",
                (ROOT / other.folder / "db" / "schema.sql").read_text(),
            )
        )
        for other in SERVICES
    }
    name = folder.name.removesuffix("Service")
    foreign = set().union(*(found for other, found in tables.items() if other != name))
    sources = [path.read_text() for path, _ in modules(folder / "app")]
    sources.append((folder / "db" / "schema.sql").read_text())
    for source in sources:
        named = {table for table in foreign if re.search(rf"\b{re.escape(table)}\b", source)}
        assert not named, named
