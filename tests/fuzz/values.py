"""Values for OpenAPI schemas: right ones, nearly right ones, and hostile ones."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from . import scripts

Schema = Mapping[str, Any]

# Written into the JSON as they stand: no JSON library says these.
RAW_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e-400", "9" * 400, "1" + "0" * 5000)

NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1.0,
    0.005,
    2**31,
    2**31 - 1,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**40,
    True,
    False,
)
TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x07",
    "\x7f",
    "\ud800",
    "\udfff\ud800",
    "\u202e",
    "\u200d",
    "\ufeff",
    "\ufb00",
    "é",
    "e\u0301",
    "\U0001d54f",
    "\U0001f469\u200d\U0001f467",
    "'",
    "''",
    '"',
    "\\",
    "%",
    "_",
    "%00",
    "\r\nX-Evil: 1",
    "' OR '1'='1",
    "'; DROP SCHEMA orders CASCADE; --",
    "1); SELECT pg_sleep(9)--",
    "$1",
    "{}",
    "{0}",
    "%s%n",
    "a & b | !c",
    "a:* <-> (b",
    "((((",
    "foo:",
    "!!",
    "<->",
    "-",
    "--",
    "/* x */",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "http://169.254.169.254/",
    "null",
    "NaN",
    "1e400",
    "infinity",
    "-infinity",
    "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00Z",
    "x" * 300,
    "ß" * 5000,
    "99999999999999999999",
    "1.005",
    "0x10",
    "\uff11\uff12",
    "+1",
    "1_000",
    " 5 ",
    "tok_ok",
    "EUR",
    "JPY",
    "KWD",
)
FORMATS: dict[str, Callable[[random.Random], str]] = {
    "uuid": lambda chance: str(UUID(int=chance.getrandbits(128), version=4)),
    "date-time": lambda chance: f"20{chance.randrange(10, 99)}-01-31T09:30:00Z",
    "email": lambda chance: f"c{chance.getrandbits(40)}@example.org",
}
# What the pages describe in words, or by a pattern, a generator needs to be told.
NAMED: dict[str, Callable[[random.Random], Any]] = {
    "sku": lambda chance: f"SKU-{chance.randrange(40)}",
    "email": FORMATS["email"],
    "currency": lambda chance: chance.choice(("EUR", "EUR", "EUR", "JPY", "KWD")),
    "country": lambda chance: chance.choice(("DE", "IE", "GB")),
    "token": lambda chance: chance.choice(("tok_ok", "tok_ok", "tok_declined", "tok_error")),
    "price": lambda chance: chance.choice(("1.00", "19.99", "0.50", "100")),
    "amount": lambda chance: chance.choice(("1.00", "19.99", "0.50", "100")),
    "phone": lambda chance: f"+44 {chance.randrange(10**6)}",
    "quantity": lambda chance: chance.randrange(1, 9),
    "q": lambda chance: chance.choice(("tea", "green te", "candel", "café", "red OR -blue")),
    "sort": lambda chance: chance.choice(("price", "-price", "name", "relevance")),
}


# Forms and SDKs send every field, the ones that nobody filled in too.
EMPTY = 0.03


class Values:
    """Makes values; what earlier answers named is used again, so that requests go deep."""

    def __init__(self, document: Schema, seed: int) -> None:
        self.chance = random.Random(seed)
        self._document = document
        self._seen: dict[str, list[Any]] = defaultdict(list)

    def remember(self, answer: Any) -> None:
        """Keep the ids of an answer, a few hundred a name."""
        if isinstance(answer, list):
            for each in answer[:5]:
                self.remember(each)
        elif isinstance(answer, dict):
            for name, value in answer.items():
                if isinstance(value, dict | list):
                    self.remember(value)
                elif name.endswith("_id") or name in ("sku", "next_cursor", "total", "version"):
                    self._keep("cursor" if name == "next_cursor" else name, value)

    def _keep(self, name: str, value: Any) -> None:
        kept = self._seen[name]
        if value is not None:
            if len(kept) < 300:
                kept.append(value)
            else:
                kept[self.chance.randrange(300)] = value

    def of(self, name: str, schema: Schema, evil: float) -> Any:
        """A value for the member or parameter `name`; a hostile one with the chance `evil`."""
        if self.chance.random() < evil:
            return self._hostile()
        kept = self._seen.get("total" if name == "amount" else name)
        if self.chance.random() < EMPTY:
            return ""
        if kept and self.chance.random() < 0.8:
            return self.chance.choice(kept)
        if name in NAMED:
            return NAMED[name](self.chance)
        return self._right(name, self._resolved(schema), evil)

    def _hostile(self) -> Any:
        kind = self.chance.randrange(12)
        if kind < 5:
            return self.chance.choice(TEXTS)
        if kind >= 10:
            return scripts.text(self.chance)
        if kind < 8:
            return self.chance.choice(NUMBERS)
        return self.chance.choice((None, [], {}, [[]], {"a": {"b": [1]}}, ["x"] * 300))

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        options = schema.get("anyOf") or schema.get("oneOf")
        return self._resolved(self.chance.choice(options)) if options else schema

    def _right(self, name: str, schema: Schema, evil: float) -> Any:
        if "enum" in schema or "const" in schema:
            return self.chance.choice(schema.get("enum") or [schema["const"]])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, evil)
        if kind == "array":
            some = self.chance.randrange(schema.get("minItems", 0), 4)
            return [self.of(name, schema.get("items", {}), evil) for _ in range(some)]
        if kind == "string":
            return self._text(schema)
        if kind in ("integer", "number"):
            least = int(schema.get("minimum", schema.get("exclusiveMinimum", 0)))
            return self.chance.randint(least, int(min(schema.get("maximum", 100), least + 100)))
        return self.chance.choice((True, False)) if kind == "boolean" else None

    def _object(self, schema: Schema, evil: float) -> dict[str, Any]:
        required = schema.get("required", ())
        made = {
            name: self.of(name, member, evil)
            for name, member in schema.get("properties", {}).items()
            if self.chance.random() < (0.5 if name not in required else 1 - evil / 4)
        }
        if self.chance.random() < evil:
            made[self.chance.choice(("status", "paid", "version", "x", *TEXTS))] = self._hostile()
        return made

    def _text(self, schema: Schema) -> str:
        if "format" in schema and schema["format"] in FORMATS:
            return FORMATS[schema["format"]](self.chance)
        if examples := schema.get("examples"):
            return str(self.chance.choice(examples))
        if self.chance.random() < 0.3:
            return scripts.text(self.chance)
        return f"text {self.chance.randrange(1000)}"
