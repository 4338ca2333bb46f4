"""The WHERE of a search, put together from fixed pieces: only values come from outside.

Pieces that are not asked for are left out rather than written as `$1 IS NULL OR …`, which would
keep PostgreSQL from using its indexes once a plan is cached.
"""

from typing import Any


class Conditions:
    """Pieces of SQL with `?` where a value goes, and those values in order, which are the whole
    statement's: it may have another WHERE."""

    def __init__(self, values: list[Any] | None = None) -> None:
        self.values: list[Any] = [] if values is None else values
        self._pieces: list[str] = []

    def bind(self, piece: str, *values: Any) -> str:
        """The piece with its values numbered: `price >= ?` is `price >= $3`."""
        for value in values:
            self.values.append(value)
            piece = piece.replace("?", f"${len(self.values)}", 1)
        return piece

    def require(self, piece: str, *values: Any) -> None:
        self._pieces.append(f"({self.bind(piece, *values)})")

    def __str__(self) -> str:
        return " AND ".join(self._pieces) or "true"
