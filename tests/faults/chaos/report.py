"""What a run came to, as a table."""

from collections import Counter

from fleet import console

from .run import Result
from .schedule import POSTGRES

WIDTH = 40


def tell(result: Result) -> None:
    requests = result.log.requests
    replies = [reply for request in requests for reply in request.replies]
    _row("Visits", result.outcomes.total(), console.BOLD)
    for outcome, count in result.outcomes.most_common():
        _row(f"  {outcome}", count)
    _row("Requests", len(requests), console.BOLD)
    _row("  attempts", sum(request.attempts for request in requests))
    _row("  without an answer", sum(r.attempts - len(r.replies) for r in requests))
    _row("  answered 503", sum(reply.status == 503 for reply in replies))
    _row("  acknowledged", sum(reply.ok for reply in replies))
    _row("  of them replayed", sum(reply.ok and reply.replayed for reply in replies))
    _row("Faults", result.faults.total(), console.BOLD)
    for (kind, victim), count in sorted(_by_kind(result.faults).items()):
        _row(f"  {kind} of {victim}", count)
    _row("Audits", result.audits, console.BOLD)
    before, after = (sum(held[when] for held in result.memory.values()) for when in (0, 1))
    _row("Megabytes of the ten, before and after", f"{before // 1024}, {after // 1024}")
    _row("Seconds to settle", f"{result.settled_after:.1f}")
    style = console.RED if result.violations else console.GREEN
    _row("Violations", len(result.violations), style)


def _by_kind(faults: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """PostgreSQL's by what was done to it, the services' all together."""
    counted: Counter[tuple[str, str]] = Counter()
    for (kind, victim), count in faults.items():
        counted[kind, POSTGRES if victim == POSTGRES else "a service"] += count
    return counted


def _row(label: str, value: object, style: str = "") -> None:
    shown = f"{value:,}" if isinstance(value, int) else str(value)
    console.say(f"{label:{WIDTH}} {shown:>12}", style)
