"""Which columns hold something personal, as each db/schema.sql says at its end:

    -- personal: customers (email, name), …    erased with their customer, and exported to them
    -- copies: customers (email_key), …        erased as well; what they are copies of is exported
    -- not personal: carts (status), …

Texts, JSON, bytes and dates are marked, whether personal or not: who adds one has to think of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fleet.services import ROOT, SERVICES

TYPES = r"(?:text|varchar|character varying|citext|jsonb?|bytea|xml|date|inet|tsvector)"
_table = re.compile(r"CREATE TABLE IF NOT EXISTS (\S+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
_column = re.compile(rf"^ +(\w+) +{TYPES}\b", re.MULTILINE)
_alter = re.compile(r"^ALTER TABLE (\S+)\s([^;]*);", re.MULTILINE)
_added = re.compile(rf"ADD COLUMN IF NOT EXISTS (\w+) +{TYPES}\b")
_mark = re.compile(r"^-- (personal|copies|not personal): (.+(?:\n--   .+)*)", re.MULTILINE)
_marked = re.compile(r"(\w+) \(([^)]+)\)")


@dataclass(frozen=True)
class Marks:
    """The columns of one file, or of all, as `orders.orders.status`."""

    there: frozenset[str]
    personal: frozenset[str]
    copies: frozenset[str]
    not_personal: frozenset[str]

    @property
    def erased(self) -> frozenset[str]:
        return self.personal | self.copies

    def faults(self) -> list[str]:
        """What is marked in no way, or in two, or is not there."""
        kinds = (self.personal, self.copies, self.not_personal)
        marked = frozenset[str]().union(*kinds)
        twice = {each for each in marked if sum(each in kind for kind in kinds) > 1}
        return [
            *(
                f"{each} is not marked at the end of its db/schema.sql"
                for each in sorted(self.there - marked)
            ),
            *(f"{each} is not there" for each in sorted(marked - self.there)),
            *(f"{each} is marked twice" for each in sorted(twice)),
        ]


def read(sql: str) -> Marks:
    schema = sql.split("CREATE SCHEMA IF NOT EXISTS ")[1].split(";")[0]
    found: dict[str, set[str]] = {"personal": set(), "copies": set(), "not personal": set()}
    for mark in _mark.finditer(sql):
        for table, names in _marked.findall(mark[2].replace("\n--  ", "")):
            found[mark[1]] |= {f"{schema}.{table}.{name.strip()}" for name in names.split(",")}
    return Marks(
        frozenset(_columns(sql)),
        frozenset(found["personal"]),
        frozenset(found["copies"]),
        frozenset(found["not personal"]),
    )


def _columns(sql: str) -> Iterator[str]:
    for table in _table.finditer(sql):
        yield from (f"{table[1]}.{name}" for name in _column.findall(table[2]))
    for alter in _alter.finditer(sql):
        yield from (f"{alter[1]}.{name}" for name in _added.findall(alter[2]))


def files() -> list[Path]:
    return [ROOT / service.folder / "db" / "schema.sql" for service in SERVICES]


def everywhere() -> Marks:
    marks = [read(file.read_text()) for file in files()]
    return Marks(
        *(
            frozenset[str]().union(*(getattr(each, name) for each in marks))
            for name in ("there", "personal", "copies", "not_personal")
        )
    )
