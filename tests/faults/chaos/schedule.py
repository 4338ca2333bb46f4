"""What is done to the fleet, and when: computed from the seed alone, before anything starts."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from fleet.services import SERVICES

POSTGRES = "postgres"
NAMES = [service.name for service in SERVICES]

KILL, PAUSE = "kill -9", "pause"
# Of PostgreSQL; a restart is asked for by a signal, and the supervisor starts it again.
FAST, IMMEDIATE, BACKEND = "fast restart", "immediate restart", "kill -9 of a backend"
KINDS_FOR_POSTGRES = (FAST, IMMEDIATE, KILL, BACKEND, PAUSE)

FIRST_SECONDS = 1.0


@dataclass(frozen=True)
class Fault:
    """One thing done to one victim, `at` seconds after the start.

    `seconds` is how long a pause lasts. `lot` chooses among what is only known then: which of the
    backends.
    """

    at: float
    kind: str
    victim: str
    seconds: float = 0.0
    lot: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:8.2f}  {self.kind} {self.victim}{lasting}"


def make(seed: str, seconds: float) -> list[Fault]:
    """Every fault of a run, in order."""
    faults = [*_of_services(seed, seconds), *_of_postgres(seed, seconds)]
    return sorted(faults, key=lambda fault: fault.at)


def _of_services(seed: str, seconds: float) -> Iterator[Fault]:
    """One every 0.5 to 3 seconds; now and then two services at once."""
    dice = Random(f"{seed}/services")
    at = FIRST_SECONDS
    while at < seconds:
        for victim in dice.sample(NAMES, dice.choice((1, 1, 1, 1, 2))):
            kind = dice.choice((KILL, PAUSE))
            # Far more short ones than long ones, but some longer than any deadline or lease.
            lasting = 0.2 + 7.8 * dice.random() ** 2 if kind == PAUSE else 0.0
            yield Fault(at, kind, victim, lasting)
        at += dice.uniform(0.5, 3.0)


def _of_postgres(seed: str, seconds: float) -> Iterator[Fault]:
    """One every 5 to 40 seconds, and the first one in the middle of a short run."""
    dice = Random(f"{seed}/{POSTGRES}")
    at = dice.uniform(0.3, 0.7) * min(seconds, 40.0)
    while at < seconds:
        kind = dice.choice(KINDS_FOR_POSTGRES)
        lasting = dice.uniform(1.0, 4.0) if kind == PAUSE else 0.0
        yield Fault(at, kind, POSTGRES, lasting, dice.random())
        at += dice.uniform(5.0, 40.0)
