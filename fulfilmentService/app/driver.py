"""Drives jobs: in the request that began one, and in the sweep that takes up what was cut off."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from chassis import Context, DependencyUnavailable, Problem, resumed
from chassis.context import RequestContext, current, enter
from chassis.logs import log

from . import jobs, saga
from .jobs import PARKED_AFTER, Fenced, Job
from .saga import ReservationExpired

# What a request keeps of its time for writing down how it went, and for saying so.
ANSWER_SECONDS = 0.3


async def drive(context: Context, job: Job) -> Job:
    """Take step after step, until there is none left or a peer is in trouble.

    The caller holds the job's lease. Returns how far it has come, as it stands in the database.
    """
    try:
        while job.next_step is not None:
            with _time_left_to_answer():
                trouble = await _ask(context, job)
            job = await _decide(context, job, trouble)
            if isinstance(trouble, DependencyUnavailable):
                break
    except Fenced:
        return await _clear_up(context, job)
    return job


async def _ask(context: Context, job: Job) -> Problem | ReservationExpired | None:
    """Take the next step. Returns what came in its way."""
    assert job.next_step is not None
    try:
        await saga.STEPS[job.next_step].ask(context, job)
    except (Problem, ReservationExpired) as trouble:
        return trouble
    return None


async def _decide(context: Context, job: Job, trouble: Problem | ReservationExpired | None) -> Job:
    """Write down how the step went, and what is next."""
    db = context.database
    match trouble:
        case None:
            step = saga.STEPS[job.next_step or ""]
            status = step.then or job.status
            return await jobs.record(db, job, "done", status=status, next_step=step.next)
        case ReservationExpired():
            another = await db.fetchval("SELECT uuidv7()")
            return await jobs.record(
                db, job, "expired", status="pending", next_step=saga.FIRST, reservation_id=another
            )
        case DependencyUnavailable() if job.next_step != saga.FIRST:
            return await _put_off(context, job, trouble)
        case Problem():
            # Nothing is held for the order yet, or what is held is of no use: undo it all. What
            # is out of reach is for the sweep, the rest is done at once.
            due_in = 0.0 if isinstance(trouble, DependencyUnavailable) else jobs.LEASE_SECONDS
            changes = {"next_step": saga.UNDO, "failure": saga.failure_of(trouble)}
            return await jobs.record(db, job, trouble.detail, due_in=due_in, **changes)


async def _put_off(context: Context, job: Job, trouble: Problem) -> Job:
    """Try again later; seldom, and without a word, once people have been told."""
    if job.attempts == PARKED_AFTER:
        log.error("job parked", job_id=str(job.job_id), step=job.next_step, why=trouble.detail)
    outcome = trouble.detail if job.attempts <= PARKED_AFTER else None
    return await jobs.record(context.database, job, outcome, due_in=pause(job.attempts))


def pause(attempts: int) -> float:
    """Seconds until the next attempt, jittered so that jobs that failed together part."""
    longest = 15.0 if attempts >= PARKED_AFTER else min(5.0, 0.5 * 2.0**attempts)
    return random.uniform(0.5, 1.0) * longest


async def _clear_up(context: Context, job: Job) -> Job:
    """Somebody else finished what we were held up in. If they undid it, and our hold on the order
    came after theirs was given back, nobody else would ever let go of it."""
    now = await jobs.find(context.database, job.job_id)
    if now.status == "failed":
        with suppress(DependencyUnavailable):
            await saga.give_order_back(context, job)
    return now


async def see_through(context: Context, job: Job, *, leased: bool) -> Job:
    """Drive the job, or wait for whoever does, while the request has time. Returns what became
    of it, which may be that it is under way."""
    db = context.database
    while not leased and job.next_step is not None and current().remaining() > ANSWER_SECONDS:
        if claimed := await jobs.claim(db, job.job_id):
            leased, job = True, claimed[0]
        else:
            current().pause()
            await asyncio.sleep(0.05)  # another process drives; the deadline bounds all looks
            job = await jobs.find(db, job.job_id)
    return await drive(context, job) if leased else job


async def take_up_due(context: Context) -> int:
    """The sweep: go on with a batch of jobs that nobody drives. Returns how many there were."""
    due = await jobs.claim(context.database)
    results = await asyncio.gather(*(_take_up(context, job) for job in due), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return len(due)


async def _take_up(context: Context, job: Job) -> None:
    # A deadline of its own: one slow job does not use up the others' time.
    enter(RequestContext(outermost=False))
    with resumed("unfinished-jobs", job.traceparent):
        await drive(context, job)


@contextmanager
def _time_left_to_answer() -> Iterator[None]:
    request = current()
    request.deadline -= ANSWER_SECONDS
    try:
        yield
    finally:
        request.deadline += ANSWER_SECONDS
