"""Money: a decimal string with its currency outside, whole minor units inside. Never a float.

The number of decimals of each currency is ISO 4217's (https://www.iso.org/iso-4217-currency-codes.html).
"""

from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from .problems import invalid

MAXIMUM = Decimal("9999999999.99")

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"
_TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR
PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP
TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""

DECIMALS: dict[str, int] = {
    code: decimals
    for decimals, codes in (
        (0, _NO_DECIMALS),
        (2, _TWO_DECIMALS),
        (3, _THREE_DECIMALS),
        (4, _FOUR_DECIMALS),
    )
    for code in codes.split()
}


def to_minor(amount: Decimal, currency: str, pointer: str = "#/amount") -> int:
    """Whole minor units: 19.99 EUR is 1999, 500 JPY is 500.

    Raises InvalidRequest, at `pointer`, when the amount is written with more decimals than the
    currency has, zeros included: a client that sends 500.00 JPY may mean the 500 as minor units.
    """
    decimals = DECIMALS[currency]
    if -int(amount.as_tuple().exponent) > decimals:
        raise invalid(pointer, f"{currency} has {decimals} decimals at most.")
    return int(amount.scaleb(decimals))


def to_major(minor: int, currency: str) -> str:
    """The decimal string of minor units: 1999 EUR is "19.99"."""
    return format(Decimal(minor).scaleb(-DECIMALS[currency]), "f")


def maximum(currency: str) -> Decimal:
    """The largest amount of a currency, in its decimals."""
    decimals = Decimal(1).scaleb(-DECIMALS[currency])
    return MAXIMUM.quantize(decimals, rounding=ROUND_DOWN)


def _amount(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('must be a decimal string such as "19.99"')
    if isinstance(value, str) and not _is_plain(value):
        raise ValueError('must be a decimal string such as "19.99"')
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValueError('must be a decimal string such as "19.99"') from None
    if not amount.is_finite():
        raise ValueError("must be a finite number")
    if amount.is_signed() and amount != 0:
        raise ValueError("must not be negative")
    if amount > MAXIMUM:
        raise ValueError(f"must be at most {MAXIMUM}")
    return abs(amount)


def _is_plain(text: str) -> bool:
    """Digits with at most one point inside, in ASCII: no sign, exponent, spaces or underscores."""
    whole, point, fraction = text.partition(".")
    digits = whole + fraction
    return (
        len(text) <= 32
        and digits.isascii()
        and digits.isdigit()
        and bool(whole)
        and (bool(fraction) or not point)
    )


def _currency(value: Any) -> Any:
    if not isinstance(value, str) or value not in DECIMALS:
        raise ValueError("must be an ISO 4217 currency code such as EUR")
    return value


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    PlainSerializer(lambda amount: format(amount, "f"), return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,4})?$"},
                {"type": "number", "minimum": 0, "maximum": 9999999999.99},
            ],
            "examples": ["19.99"],
        },
        mode="validation",
    ),
]
Currency = Annotated[
    str,
    BeforeValidator(_currency),
    Field(min_length=3, max_length=3, pattern="^[A-Z]{3}$", examples=["EUR"]),
]
