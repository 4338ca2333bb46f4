"""Every problem says what to do about it, declares its members, and is one for all services."""

import ast
from pathlib import Path

import pytest

from chassis.app import load_app
from chassis.openapi import schema_of
from chassis.problem_pages import of_service
from chassis.problems import Problem
from fleet.services import ROOT, SERVICES

FOLDERS = [service.folder for service in SERVICES]


def problems_of(folder: str) -> dict[str, type[Problem]]:
    """Those of a service and of the chassis, by the name of their class."""
    load_app(folder)
    found = of_service(ROOT / folder).values()
    # Where the chassis' tests have run before, their sample is there too.
    return {each.__name__: each for each in found if ".tests." not in each.__module__}


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_says_what_to_do(folder: str) -> None:
    silent = {name for name, problem in problems_of(folder).items() if not problem.remedy()}
    assert silent == set(), "the docstring's second paragraph says what its reader can do"


def test_each_is_raised_with_the_members_that_it_declares() -> None:
    raised = 0
    for folder in FOLDERS:
        known = problems_of(folder)
        for path in sorted((ROOT / folder / "app").glob("*.py")):
            for name, given in calls(path):
                # One that is made in its own way names its members there.
                if name in known and "__init__" not in vars(known[name]):
                    raised += 1
                    declared = known[name].members_schema().get("properties", {})
                    assert given <= declared.keys(), f"{path}: {name} does not declare all"
    assert raised > 40


def calls(path: Path) -> list[tuple[str, set[str]]]:
    """Each call of a plain name in a file, and the keywords that it is given."""
    return [
        (node.func.id, {keyword.arg for keyword in node.keywords if keyword.arg})
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]


def test_one_type_is_one_problem_in_all_services() -> None:
    shapes: dict[str, set[str]] = {}
    for folder in FOLDERS:
        for problem in problems_of(folder).values():
            shapes.setdefault(problem.type_uri(), set()).add(str(schema_of(problem)))
    differing = {type_uri for type_uri, found in shapes.items() if len(found) > 1}
    assert differing == set(), "title, remedy and members are to be the same"
