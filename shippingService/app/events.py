"""Carriers' events. They may come twice, late and in any order; each is kept once.

A parcel only moves forward along its journey. A late event, and an exception, is kept at the
carrier's time, and does not move the parcel.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis import Connection, NotFound, Problem
from chassis.problems import invalid

from .schemas import NewEvent, Status

# Steps may be left out: their scans were missed, or are late. Nothing follows `returned`.
JOURNEY: tuple[Status, ...] = ("created", "dispatched", "in_transit", "delivered", "returned")

MAX_EVENTS = 1000

# A carrier's clock may be fast, or in another zone than it says.
MOST_AHEAD = timedelta(days=1)

# The events of a shipment come one by one. Of an erased customer's, only the status is kept.
LOCK = """
SELECT status, EXISTS (SELECT FROM shipping.subject_requests asked
                        WHERE asked.subject = customer_id AND asked.kind = 'erasure') AS erased
  FROM shipping.shipments WHERE shipment_id = $1 FOR UPDATE
"""

KNOWN = """
SELECT count(*) AS events,
       coalesce(bool_or(status = $2 AND location IS NOT DISTINCT FROM $3
                        AND note IS NOT DISTINCT FROM $4
                        AND ($5::timestamptz IS NULL OR at = $5)), false) AS is_there
  FROM shipping.shipment_events WHERE shipment_id = $1
"""

INSERT = """
INSERT INTO shipping.shipment_events (shipment_id, seq, status, location, note, at, recorded_at)
SELECT $1, $2, $3, $4, $5, coalesce($6, moment), moment FROM clock_timestamp() AS moment
"""

MOVE = "UPDATE shipping.shipments SET status = $2 WHERE shipment_id = $1"


class TooManyEvents(Problem, status=409):
    """This parcel has as many events as are kept of one.

    Look what sends them: each differs from the others in its place, note or time.
    """

    limit: int
    """The largest number of events of a parcel."""


async def record(db: Connection, shipment_id: UUID, event: NewEvent) -> bool:
    """Write down what happened to the parcel, unless it is there already: the same status, place
    and note, at the same time if one is told. Returns whether the parcel has moved on.

    To be called in a unit of work. Raises NotFound, InvalidRequest, TooManyEvents.
    """
    if event.at is not None and event.at > datetime.now(UTC) + MOST_AHEAD:
        raise invalid("#/at", "This is more than a day ahead.")
    shipment = await db.fetchrow(LOCK, shipment_id)
    if shipment is None:
        raise NotFound(f"There is no shipment {shipment_id}.")
    place, note = (None, None) if shipment["erased"] else (event.location, event.note)
    told = (event.status, place, note, event.at)
    known = await db.fetchrow(KNOWN, shipment_id, *told)
    assert known is not None
    if known["is_there"]:
        return False
    if known["events"] >= MAX_EVENTS:
        raise TooManyEvents(limit=MAX_EVENTS)
    await db.execute(INSERT, shipment_id, known["events"] + 1, *told)
    if event.status == "exception" or JOURNEY.index(event.status) <= JOURNEY.index(
        shipment["status"]
    ):
        return False
    await db.execute(MOVE, shipment_id, event.status)
    return True
