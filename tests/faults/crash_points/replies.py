"""What the services have said to each Idempotency-Key of the client, heard or not."""

from collections import defaultdict

from tests.faults.links.http_wire import Call
from tests.faults.links.wired import CLIENT

# What is remembered with a key, of what a purchase that goes well is told.
LASTING = (200, 201)
# What a client may be told while something is wrong.
PASSING = (202, 409, 503, 504)


class Replies:
    """Collects answers as they pass."""

    def __init__(self) -> None:
        self._bodies: defaultdict[str, set[bytes]] = defaultdict(set)
        self._odd: list[str] = []

    def note(self, call: Call) -> None:
        step = call.key if call.link.caller == CLIENT else None
        if step and call.status in LASTING:
            self._bodies[step].add(call.body)
        elif call.status == 500 or (step and call.status not in PASSING):
            said = f"{call.status} {call.body.decode(errors='replace')}"
            self._odd.append(f"{call.link} {call.method} {call.path} was answered {said}")

    def complaints(self) -> list[str]:
        differing = [
            f"{key} was answered in {len(bodies)} ways: {sorted(bodies)}"
            for key, bodies in self._bodies.items()
            if len(bodies) > 1
        ]
        return self._odd + differing
