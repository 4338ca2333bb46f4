"""A service with nothing but plumbing: what it does is what the chassis does."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from chassis import (
    Attributes,
    Db,
    Input,
    OnceOnly,
    Output,
    PeersOf,
    Problem,
    Router,
    Text,
    admits,
    create_app,
    refusals,
)

router = Router()


class NoteRefused(Problem, status=409):
    """This note is never taken."""


class NotNow(Problem, status=409, remembered=False):
    """This note is not taken now."""


class NewNote(Input):
    content: Annotated[Text, Field(max_length=100)]
    attributes: Attributes = Field(default_factory=dict)


class Note(Output):
    note_id: UUID
    content: str


class Greeting(Output):
    greeting: str


@router.post(
    "/notes", status_code=201, response_model=Note, responses=refusals(NoteRefused, NotNow)
)
@admits("staff")
async def create_note(new: NewNote, once: OnceOnly) -> Response:
    async with once.unit_of_work() as db:
        row = await db.fetchrow(
            "INSERT INTO sample.notes (content) VALUES ($1) RETURNING *", new.content
        )
        assert row is not None
        if new.content == "never":
            raise NoteRefused()
        if new.content == "not now":
            raise NotNow()
        return await once.created(db, Note(**row), f"/notes/{row['note_id']}")


@router.get("/notes/count")
@admits("staff")
async def count_notes(db: Db) -> int:
    count: int = await db.fetchval("SELECT count(*) FROM sample.notes")
    return count


@router.get("/slow/{seconds}")
@admits("staff")
async def be_slow(seconds: float, db: Db) -> bool:
    await db.fetchval("SELECT pg_sleep($1)", seconds)
    return True


@router.get("/boom")
@admits("staff")
async def blow_up() -> None:
    raise RuntimeError("a secret that no client may see")


@router.get("/ask")
@admits("staff")
async def ask_peer(peers: PeersOf) -> Any:
    answer = await peers["other"].get("/greeting")
    return {"greeting": answer.read(Greeting).greeting}


app = create_app(
    "sample",
    router,
    schema="sample",
    home=Path(__file__).parent / "sample",
    peers=("other",),
)
