"""What a line of the log looks like."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chassis import logs

TOLD: Any = {
    "method": "GET",
    "route": '/"quoted"/é/{sku}',
    "status": 200,
    "milliseconds": 0.07,
    "request_id": "r-1",
    "trace_id": 32 * "a",
    "span_id": 16 * "b",
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    logs.lines.flush()  # what other tests have left
    yield
    logs.configure("sample", "info", "auto")


def written(capsys: pytest.CaptureFixture[str]) -> str:
    logs.lines.flush()
    return capsys.readouterr().out


def test_a_request_s_line_is_as_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", "info", "json")
    logs.requests.write(**TOLD)
    logs.log.info("request", **TOLD)
    quick, usual = (json.loads(line) for line in written(capsys).splitlines())
    assert quick.pop("timestamp")[:10] == usual.pop("timestamp")[:10]
    assert list(quick.items()) == list(usual.items())


@pytest.mark.parametrize(("level", "style"), [("warning", "json"), ("warning", "console")])
def test_nobody_is_told_what_is_not_wanted(
    level: str, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("sample", level, style)
    logs.requests.write(**TOLD)
    assert written(capsys) == ""


def test_a_person_reads_lines_of_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", "info", "console")
    logs.requests.write(**TOLD)
    line = written(capsys)
    assert "r-1" in line
    assert not line.startswith("{")
