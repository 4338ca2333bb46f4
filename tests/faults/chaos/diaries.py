"""What the services themselves have written down: whatever is done to them, none has an error."""

import json
from collections.abc import Iterator
from pathlib import Path

from .schedule import NAMES


def violations(data_dir: Path) -> list[str]:
    return [
        f"{name} logged: {error}"
        for name in NAMES
        for error in _errors((data_dir / "logs" / f"{name}.log").read_text(errors="replace"))
    ]


def _errors(diary: str) -> Iterator[str]:
    for line in diary.splitlines():
        # A line of a service that was killed while it wrote is no JSON; nor is what uvicorn says.
        if '"level": "error"' in line and line.endswith("}"):
            entry = json.loads(line[line.index("{") :])
            last = str(entry.get("exception", "")).strip().rpartition("\n")[2]
            yield f"{entry['event']} {last}"
