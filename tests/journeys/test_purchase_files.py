"""docs/purchase.http and purchase.rest buy something, in either way that editors read such files.

As much of those ways as the files use is told here: variables, names, and what is taken from an
answer, by a handler behind the request or by its name in a later one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from fleet.services import ROOT, SERVICES
from tests.fleets import Fleet

HTTP, REST = ROOT / "docs/purchase.http", ROOT / "docs/purchase.rest"

SEPARATOR = re.compile(r"(?m)^###.*$")
VARIABLE = re.compile(r"(?m)^@(\w+) = (.+)$")
NAME = re.compile(r"(?m)^# @name (\w+)$")
COMMENT = re.compile(r"(?m)^#.*\n")
REFERENCE = re.compile(r"\{\{(.+?)\}\}")
HANDLER = re.compile(r'(?m)^> \{% client\.global\.set\("(\w+)", response\.body\.(\S+)\); %\}$')


@dataclass
class Editor:
    """What it knows: variables, and the answers to requests that have a name."""

    variables: dict[str, str]
    answers: dict[str, Any] = field(default_factory=dict)

    def send(self, client: httpx.Client, block: str) -> httpx.Response:
        name, handler = NAME.search(block), HANDLER.search(block)
        text = HANDLER.sub("", COMMENT.sub("", block)).strip()
        head, _, body = REFERENCE.sub(self.told, text).partition("\n\n")
        line, *headers = head.splitlines()
        method, url = line.split()
        sent = dict(header.split(": ", 1) for header in headers)
        answer = client.request(method, url, headers=sent, content=body)
        if name:
            self.answers[name[1]] = answer.json()
        if handler:
            self.variables[handler[1]] = member(answer.json(), handler[2])
        return answer

    def told(self, found: re.Match[str]) -> str:
        name, _, path = found[1].partition(".response.body.$.")
        return member(self.answers[name], path) if path else self.variables[name]


def member(answer: Any, path: str) -> str:
    for step in re.findall(r"\w+", path):
        answer = answer[int(step) if step.isdecimal() else step]
    return str(answer)


def answers(text: str, fleet: Fleet) -> Iterator[httpx.Response]:
    """What the fleet answers to each request, which goes to its own ports."""
    for service in SERVICES:
        port = service.port(8000)
        text = text.replace(f"{{{{host}}}}:{port}", f"{{{{host}}}}:{service.port(fleet.base)}")
    top, *blocks = SEPARATOR.split(text)
    editor = Editor(dict(VARIABLE.findall(top)))
    with httpx.Client(timeout=10) as client:
        for block in blocks:
            yield editor.send(client, block)


@pytest.mark.parametrize("file", [HTTP, REST], ids=lambda file: file.name)
def test_purchase_by_file(file: Any, fleet: Fleet) -> None:
    for _ in range(2):
        *before, order, parcels = answers(file.read_text(), fleet)
        refused = [each for each in before if each.status_code >= 300]
        assert all(each.url.path == "/customers" for each in refused), refused
        assert order.json()["status"] == "fulfilled"
        assert [each["order_id"] for each in parcels.json()["items"]] == [order.json()["order_id"]]


def test_both_files_send_the_same_requests() -> None:
    text = HTTP.read_text()
    for block in SEPARATOR.split(text):
        if handler := HANDLER.search(block):
            (name,) = NAME.findall(block)
            text = text.replace(
                f"{{{{{handler[1]}}}}}", f"{{{{{name}.response.body.$.{handler[2]}}}}}"
            )
    rest = HANDLER.sub("", text)
    assert requests_of(rest) == requests_of(REST.read_text())


def requests_of(text: str) -> list[list[str]]:
    _, *blocks = SEPARATOR.split(text)
    return [[line for line in block.splitlines() if line.strip()] for block in blocks]
