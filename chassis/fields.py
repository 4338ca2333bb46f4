"""Field types for what comes in: strict, in one form, and storable in PostgreSQL.

Each use bounds them, as they are kept: `Name = Annotated[Text, Field(max_length=200)]`,
`Quantity = Annotated[int, Field(strict=True, ge=1, le=999)]`.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema

from .texts import in_lines, one_form


class Input(BaseModel):
    """A body as it comes in. A member that is not declared is refused.

    `class NewItem(Input, example={"sku": "CANDLE-RED", "quantity": 2})` shows one on the page.
    """

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=False, use_attribute_docstrings=True
    )

    def __init_subclass__(cls, example: dict[str, Any] | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if example:
            cls.model_config["json_schema_extra"] = {"examples": [example]}

    @model_validator(mode="before")
    @classmethod
    def _given(cls, given: Any) -> Any:
        """Leave out optional members that are `""`: forms and spreadsheets send every field."""
        if isinstance(given, BaseModel):
            return given
        if not isinstance(given, dict):
            # FastAPI accepts any Python object in place of a model, a number for example.
            raise ValueError("must be an object")
        if "" not in given.values():
            return given
        optional = {name for name, info in cls.model_fields.items() if not info.is_required()}
        return cls._emptied(given, {name for name in optional if given.get(name) == ""})

    @classmethod
    def _emptied(cls, given: dict[str, Any], empty: set[str]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if name not in empty}


class Changes(Input):
    """The body of a PATCH: what is left out stays. Null, or `""`, removes a `removable` member, and
    is refused for another."""

    removable: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _kept(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.field_name not in cls.removable:
            raise ValueError("This member cannot be removed.")
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler(core)
        members = handler.resolve_ref_schema(schema)["properties"]
        for name in members.keys() - cls.removable:
            members[name] = without_null(members[name])
        return schema

    @classmethod
    def _emptied(cls, given: dict[str, Any], empty: set[str]) -> dict[str, Any]:
        return {**given, **dict.fromkeys(empty)}


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema without its null: the member is left out instead."""
    others = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(others) == len(schema.get("anyOf", ())):
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**others[0], **rest} if len(others) == 1 else {"anyOf": others, **rest}


class Output(BaseModel):
    """A body as it goes out, or as a peer sends it: members that we do not read are ignored."""

    model_config = ConfigDict(extra="ignore", from_attributes=False, use_attribute_docstrings=True)


def _plain(value: Any, depth: int = 5) -> Any:
    """JSON as jsonb keeps it: texts in one form, numbers that a reader gets back unchanged."""
    if depth < 0:
        raise ValueError("must not be nested more than five levels deep")
    if isinstance(value, str):
        return value and in_lines(value)
    if isinstance(value, Decimal):
        return _lossless(value)
    if isinstance(value, dict):
        plain = {key and one_form(key): _plain(each, depth - 1) for key, each in value.items()}
        if len(plain) < len(value):
            raise ValueError("must not have two names that read the same")
        return plain
    if isinstance(value, list):
        return [_plain(inner, depth - 1) for inner in value]
    return value


def _lossless(number: Decimal) -> float:
    if Decimal(repr(float(number))) != number:
        raise ValueError("must not have numbers of more than 15 digits")
    return float(number)


Text = Annotated[str, Field(min_length=1), AfterValidator(one_form)]
# A text of several lines: its line breaks and tabs stay.
LongText = Annotated[str, Field(min_length=1), AfterValidator(in_lines)]

# `.` and `..` cannot be part of a URL: clients remove them before they send it.
SKU = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")


def _addressable(sku: str) -> str:
    if not SKU.fullmatch(sku):
        raise ValueError("must not be `.` or `..`, which no URL can name")
    return sku


Sku = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Not `.` or `..`, which no URL can name.",
        examples=["CANDLE-RED"],
    ),
    AfterValidator(_addressable),
]
Flag = Annotated[bool, Field(strict=True)]
# As PostgreSQL gives it, in UTC; written as RFC 3339 with a Z.
Timestamp = Annotated[datetime, Field(examples=["2026-01-31T09:30:00Z"])]
MOST_ATTRIBUTES = 100
Attributes = Annotated[dict[str, Any], BeforeValidator(_plain), Field(max_length=MOST_ATTRIBUTES)]
