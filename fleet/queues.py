"""What is not finished yet: how much, for how long, and how much of it people should look at."""

import json
from dataclasses import dataclass

from .deployment import Deployment, look

# Each of them is what a sweep takes up, and reads the index that the sweep reads.
QUEUES = """
SELECT json_agg(queue) FROM (
    SELECT 'orders drawn up, not placed' AS name, count(*) AS waiting,
           extract(epoch FROM now() - min(created_at)) AS oldest,
           count(*) FILTER (WHERE attempts >= 12) AS parked
      FROM orders.orders WHERE status = 'draft'
    UNION ALL
    SELECT 'payments not decided', count(*), extract(epoch FROM now() - min(created_at)),
           count(*) FILTER (WHERE parked)
      FROM payment.payments WHERE NOT settled AND status IN ('processing', 'unknown')
    UNION ALL
    SELECT 'payments the order has not heard of', count(*),
           extract(epoch FROM now() - min(updated_at)), count(*) FILTER (WHERE parked)
      FROM payment.payments WHERE NOT settled AND status IN ('captured', 'refunded')
    UNION ALL
    SELECT 'refunds', count(*), extract(epoch FROM now() - min(created_at)),
           count(*) FILTER (WHERE parked)
      FROM payment.refunds WHERE status = 'processing'
    UNION ALL
    SELECT 'cancelled orders to be refunded', count(*),
           extract(epoch FROM now() - min(updated_at)), 0
      FROM orders.orders WHERE status = 'cancelled' AND payment_id IS NOT NULL
    UNION ALL
    SELECT 'fulfilment jobs', count(*), extract(epoch FROM now() - min(created_at)),
           count(*) FILTER (WHERE attempts >= 12)
      FROM fulfilment.jobs WHERE next_step IS NOT NULL
    UNION ALL
    SELECT 'reservations past their time', count(*),
           extract(epoch FROM now() - min(expires_at)), 0
      FROM warehouse.reservations WHERE status = 'held' AND expires_at < now()
) queue
"""


@dataclass(frozen=True)
class Queue:
    """`oldest` is the seconds that the first in it has waited; None where it is empty."""

    name: str
    waiting: int
    oldest: float | None
    parked: int


def read(deployment: Deployment) -> list[Queue]:
    """Raises Failure when the database cannot be asked."""
    return [Queue(**row) for row in json.loads(look(deployment, QUEUES))]
