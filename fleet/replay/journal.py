"""What is done already, so that a replay that was cut off goes on where it stopped."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of an invoice: an order with its payment, refunds, or a refusal."""

    invoice: str
    order_id: str | None = None
    payment_id: str | None = None
    refunds: dict[str, str] = field(default_factory=dict)
    refused: str | None = None


class Journal:
    """One JSON line an invoice, appended when it is done. A line that was cut off is not read:
    its invoice is done again, and its idempotency keys make that harmless."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.entries = {entry.invoice: entry for entry in _read(path)}
        self._file = path.open("a", encoding="utf-8")

    def add(self, entry: Entry) -> None:
        self.entries[entry.invoice] = entry
        print(json.dumps(asdict(entry)), file=self._file, flush=True)

    def close(self) -> None:
        self._file.close()


def _read(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole, end, cut_off = text.rpartition("\n")
    if cut_off:
        path.write_text(whole + end, encoding="utf-8")
    return [Entry(**json.loads(line)) for line in whole.splitlines()]
