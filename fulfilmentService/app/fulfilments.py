"""What one request to fulfil an order, or to retry a job, comes to."""

from uuid import UUID

from chassis import Context, Once

from . import driver, jobs, orders, saga
from .jobs import Job
from .orders import (
    AddressMissing,
    Order,
    OrderNotFulfillable,
    OrderNotPaid,
    UnknownOrderStatus,
)


async def fulfil(context: Context, once: Once, order_id: UUID) -> tuple[Job, bool]:
    """Get the order out. Returns its job, and whether this request, or an earlier one with the
    same key, began it.

    Raises UnknownOrder, OrderNotPaid, OrderNotFulfillable, AddressMissing, UnknownOrderStatus,
    DependencyUnavailable.
    """
    order = await orders.read(context.peers["order"], order_id)
    try:
        return await _fulfil(context, once, order)
    except (OrderNotPaid, OrderNotFulfillable, AddressMissing, UnknownOrderStatus):
        # Not any more, perhaps: what the key began while it could be is what it is told.
        begun = await once.recall()
        if begun is None:
            raise
        job = await jobs.find(context.database, begun)
        job = await driver.see_through(context, job, leased=False)
        if job.failure is not None and not saga.problem_of(job.failure).remembered:
            raise  # it would have been tried again, and cannot be now
        return job, True


async def _fulfil(context: Context, once: Once, order: Order) -> tuple[Job, bool]:
    orders.check(order, require_payment=context.settings.require_payment)
    while True:
        job, is_new, ours = await _begin(context, once, order)
        job = await driver.see_through(context, job, leased=is_new)
        # A job of somebody else's that failed meanwhile is no answer: this request has its own.
        if is_new or job.status != "failed":
            return job, ours


async def _begin(context: Context, once: Once, order: Order) -> tuple[Job, bool, bool]:
    """The order's live job, whether it is new, and whether it belongs to this request's key."""
    async with context.database.unit_of_work() as db:
        job, is_new = await jobs.begin(db, order)
        earlier = await once.claim(db, job.job_id)
        if earlier not in (None, job.job_id):
            await once.reassign(db, earlier, job.job_id)
    return job, is_new, is_new or earlier == job.job_id


async def retry(context: Context, job_id: UUID) -> Job:
    """Try a job again that failed, or that waits. One that is completed is left as it is.

    Raises NotFound, AnotherJob.
    """
    job = await jobs.restart(context.database, job_id)
    if job is not None:
        return await driver.drive(context, job)
    return await jobs.find(context.database, job_id)
