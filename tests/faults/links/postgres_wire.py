"""PostgreSQL's protocol (version 3), as far as it tells what is asked, and what is committed."""

import asyncio
import re
import struct
from collections import deque
from dataclasses import dataclass, field

from .proxy import Exchange, Link, Stream

CANCEL, SSL = 80877102, 80877103

# What PostgreSQL says of a statement, and how many rows it is about: `INSERT 0 1`, `UPDATE 3`.
TAG = re.compile(r"(INSERT \d+|UPDATE|DELETE|MERGE|SELECT) (\d+)")
# When not all rows were asked for, PostgreSQL does not count them: there was one at least.
SUSPENDED = "SELECT 1"
# A WITH may write, and then SELECT.
WRITING = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|MERGE|WITH\b.*\b(INSERT INTO|UPDATE|DELETE FROM))\b", re.DOTALL
)


@dataclass(eq=False)
class RoundTrip(Exchange):
    """Statements that were asked for together, and waited for."""

    statements: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    """Those that changed rows in the same transaction, whether in this round trip or before."""
    may_commit: bool = False
    """Whether this ends a transaction that has written, or is a statement by itself that may."""
    committed: bool = False
    """Whether the answer says that what was written stays."""


class PostgresWire:
    """One session: its prepared statements, and what its transaction has written so far."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._asked: deque[RoundTrip] = deque()
        self._prepared: dict[str, str] = {}
        self._bound: dict[str, str] = {}
        self._written: list[str] = []
        self._idle = True

    async def greet(self, caller: Stream, callee: Stream) -> None:
        """Pass on who the caller is, and what is said about it, until it may ask something."""
        while True:
            opening = await _body(caller.reader)
            (code,) = struct.unpack_from("!i", opening, 4)
            if code != SSL:
                break
            await caller.send(b"N")
        await callee.send(opening)
        if code == CANCEL:
            await callee.reader.read()
            raise EOFError
        await self._authenticate(caller, callee)

    async def _authenticate(self, caller: Stream, callee: Stream) -> None:
        while True:
            kind, raw = await _message(callee.reader)
            await caller.send(raw)
            if kind == b"Z":
                return
            if kind == b"R" and _wants_an_answer(raw):
                _, reply = await _message(caller.reader)
                await callee.send(reply)

    async def request(self, caller: asyncio.StreamReader) -> RoundTrip | bytes:
        """All up to what PostgreSQL answers with being ready, or bytes that it is only to get."""
        raw, statements = b"", list[str]()
        while True:
            kind, message = await _message(caller)
            raw += message
            statements += self._statements_in(kind, message[5:])
            if kind in (b"S", b"Q"):
                break
            if kind in (b"H", b"X"):
                return raw
        asked = RoundTrip(self._link, raw, b"", statements, list(self._written))
        asked.may_commit = self._may_commit(statements)
        self._asked.append(asked)
        return asked

    def _may_commit(self, statements: list[str]) -> bool:
        if self._idle:
            return any(WRITING.match(statement) for statement in statements)
        return bool(self._written) and any(each.startswith("COMMIT") for each in statements)

    def _statements_in(self, kind: bytes, body: bytes) -> list[str]:
        match kind:
            case b"Q":
                return [_texts(body)[0]]
            case b"P":
                name, query = _texts(body)[:2]
                self._prepared[name] = query
            case b"B":
                portal, name = _texts(body)[:2]
                self._bound[portal] = self._prepared.get(name, "")
            case b"E":
                return [self._bound.get(_texts(body)[0], "")]
        return []

    async def answer(self, callee: asyncio.StreamReader) -> RoundTrip | bytes:
        kind, message = await _message(callee)
        if not self._asked:
            return message  # to a Flush, or a notice
        asked = self._asked.popleft()
        asked.answer, tags = message, list[str]()
        while kind != b"Z":
            if kind == b"C":
                tags.append(_texts(message[5:])[0])
            elif kind == b"s":
                tags.append(SUSPENDED)
            kind, message = await _message(callee)
            asked.answer += message
        self._note(asked, tags, idle=message.endswith(b"I"))
        return asked

    def _note(self, asked: RoundTrip, tags: list[str], *, idle: bool) -> None:
        for statement, tag in zip(asked.statements, tags, strict=False):
            if _wrote(statement, tag):
                self._written.append(statement)
        if "ROLLBACK" in tags:
            self._written = []
        asked.written = list(self._written)
        asked.committed = idle and bool(self._written)
        self._idle = idle
        if idle:
            self._written = []


def _wrote(statement: str, tag: str) -> bool:
    told = TAG.fullmatch(tag)
    return told is not None and told[2] != "0" and WRITING.match(statement) is not None


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The kind of the next message, and all of it."""
    kind = await reader.readexactly(1)
    return kind, kind + await _body(reader)


async def _body(reader: asyncio.StreamReader) -> bytes:
    """Length and content."""
    head = await reader.readexactly(4)
    (length,) = struct.unpack("!i", head)
    return head + await reader.readexactly(length - 4)


def _texts(body: bytes) -> list[str]:
    """The texts that a message begins with; the binary rest comes along, unreadable."""
    return [text.decode(errors="replace") for text in body.split(b"\0")]


def _wants_an_answer(raw: bytes) -> bool:
    """Whether a message about authentication is one of those that the client must reply to."""
    (code,) = struct.unpack_from("!i", raw, 5)
    return code not in (0, 12)
