"""What `make audit-deps` makes of an answer."""

from typing import Any

import pytest

from supply.vulnerabilities import report

FINE = {"name": "fine", "version": "1.0", "vulns": []}
BAD = {
    "name": "bad",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}],
}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "status"),
    [([FINE], 0), ([FINE, BAD], 1), ([FINE, UNKNOWN], 2), ([UNKNOWN, BAD], 1)],
)
def test_no_answer_is_no_good_news(packages: list[dict[str, Any]], status: int) -> None:
    assert report(packages) == status
