"""Fulfilment over HTTP."""

from uuid import UUID

from fastapi import Response

from chassis import (
    DEFAULT_LIMIT,
    Context,
    ContextOf,
    Cursor,
    Db,
    Limit,
    Once,
    OnceOnly,
    Page,
    Router,
    admits,
    refusals,
)

from . import fulfilments, saga, views
from .jobs import AnotherJob, Job
from .orders import (
    AddressMissing,
    OrderNotFulfillable,
    OrderNotPaid,
    UnknownOrder,
    UnknownOrderStatus,
)
from .saga import InsufficientStock
from .schemas import FulfilmentJob, NewFulfilment, Status

router = Router(tags=["fulfilments"])


@router.post(
    "/fulfilments",
    status_code=201,
    response_model=FulfilmentJob,
    responses={
        200: {"model": FulfilmentJob, "description": "The order is fulfilled already."},
        202: {
            "model": FulfilmentJob,
            "description": "The job is under way, and finishes by itself.",
        },
        **refusals(
            UnknownOrder,
            InsufficientStock,
            OrderNotPaid,
            OrderNotFulfillable,
            AddressMissing,
            UnknownOrderStatus,
        ),
    },
)
@admits("staff")
async def fulfil_order(new: NewFulfilment, once: OnceOnly, context: ContextOf) -> Response:
    """Reserve the goods, ship them, and mark the order fulfilled; or leave everything as it was."""
    job, ours = await fulfilments.fulfil(context, once, new.order_id)
    if job.failure is not None:
        raise saga.problem_of(job.failure)
    if job.status != "completed":
        return await _under_way(context, job)
    return await _completed(context, once, job, 201 if ours else 200)


@router.get("/fulfilments")
@admits("staff")
async def list_fulfilments(
    db: Db,
    order_id: UUID | None = None,
    status: Status | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[FulfilmentJob]:
    """Newest first."""
    return await views.listed(db, order_id, status, limit, cursor)


@router.get("/fulfilments/{job_id}")
@admits("staff")
async def read_fulfilment(job_id: UUID, db: Db) -> FulfilmentJob:
    """How far the job is, step by step."""
    return await views.find(db, job_id)


@router.post(
    "/fulfilments/{job_id}/retry",
    response_model=FulfilmentJob,
    responses={
        202: {
            "model": FulfilmentJob,
            "description": "The job is under way, and finishes by itself.",
        },
        **refusals(AnotherJob),
    },
)
@admits("staff")
async def retry_fulfilment(job_id: UUID, once: OnceOnly, context: ContextOf) -> Response:
    """Try a failed job again, or a waiting one at once. 200 is for a job that is completed, or
    that has failed again: its `status` and `failure` tell."""
    job = await fulfilments.retry(context, job_id)
    if job.next_step is not None:
        return await _under_way(context, job)
    if job.status == "failed":
        return _unkept(200, await views.find(context.database, job_id))
    return await _completed(context, once, job, 200)


async def _completed(context: Context, once: Once, job: Job, status: int) -> Response:
    """The lasting answer, kept with the key."""
    location = f"/fulfilments/{job.job_id}" if status == 201 else None
    view = await views.find(context.database, job.job_id)
    return await once.answer(context.database, status, view, location=location)


async def _under_way(context: Context, job: Job) -> Response:
    return _unkept(202, await views.find(context.database, job.job_id))


def _unkept(status: int, view: FulfilmentJob) -> Response:
    """An answer that time will change, so the key does not keep it."""
    headers = {"Location": f"/fulfilments/{view.job_id}"} if status == 202 else None
    return Response(view.model_dump_json(), status, headers, "application/json")
