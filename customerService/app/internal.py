"""What orderService asks of customers, for itself and for those that call it."""

from typing import Annotated, Literal

from fastapi import Path, Query

from chassis import Db, admits
from chassis.strict import Router
from chassis.subjects import ExportPart, SubjectRequests

from . import subjects

router = Router(tags=["internal"], bulk=True)

After = Annotated[int, Query(ge=0, lt=2**63, description="The last number that is known.")]
RequestNumber = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/subject-requests")
@admits(services=("order",))
async def list_subject_requests(db: Db, after: After = 0) -> SubjectRequests:
    """What customers ask about their personal data, oldest first, twenty at a time."""
    return SubjectRequests(items=await subjects.listed(db, after, 20))


@router.put("/subject-requests/{number}/{holder}", status_code=204)
@admits(services=("order",))
async def bring_part(
    number: RequestNumber, holder: Literal["order", "payment", "shipping"], part: ExportPart, db: Db
) -> None:
    """A page of what a service holds of a customer who asks for it. Safe to repeat."""
    await subjects.bring(db, number, holder, part)
