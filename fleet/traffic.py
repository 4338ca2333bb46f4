"""What a service's /metrics tell of its requests: how many, how long they took, how many failed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

REQUESTS = "http_server_request_duration_seconds"
STARTED = "process_start_time_seconds"

# What looks after a service is no traffic.
OPERATIONS = frozenset({"/livez", "/readyz", "/metrics"})


@dataclass(frozen=True)
class Traffic:
    """Counts since the service started, or between two moments. `within` has how many requests
    took at most so many seconds."""

    within: Mapping[float, float] = field(default_factory=dict)
    requests: float = 0
    failed: float = 0
    started: float = 0

    def since(self, earlier: "Traffic") -> "Traffic":
        """All of it, where the service was started anew in between."""
        if earlier.started != self.started:
            return self
        within = {bound: n - earlier.within.get(bound, 0) for bound, n in self.within.items()}
        return Traffic(
            within, self.requests - earlier.requests, self.failed - earlier.failed, self.started
        )

    def percentile(self, share: float) -> float | None:
        """The time within which this share of requests was answered, as even as a bucket is
        filled; infinite beyond the last one. None without requests."""
        wanted, lower, below = self.requests * share, 0.0, 0.0
        for bound, count in sorted(self.within.items()):
            if count and count >= wanted:
                part = (wanted - below) / (count - below)
                return inf if bound == inf else lower + (bound - lower) * part
            lower, below = bound, count
        return None


def read(page: str) -> Traffic:
    within: dict[float, float] = defaultdict(float)
    requests = failed = started = 0.0
    for sample in _samples(page):
        if sample.name == STARTED:
            started = sample.value
        elif sample.name == f"{REQUESTS}_bucket":
            within[float(sample.labels["le"])] += sample.value
        elif sample.name == f"{REQUESTS}_count":
            requests += sample.value
            failed += sample.value * (sample.labels["status"] >= "500")
    return Traffic(within, requests, failed, started)


def _samples(page: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(page):
        if family.name in (REQUESTS, STARTED):
            for sample in family.samples:
                if sample.labels.get("route") not in OPERATIONS:
                    yield sample
