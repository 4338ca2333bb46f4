"""Addresses of people and parcels: one model and one list of countries, for every service.

The countries are ISO 3166-1 alpha-2 (https://www.iso.org/iso-3166-country-codes.html), and `XK`,
which the standard leaves to its users, and carriers and the European Union use for Kosovo.
"""

from typing import Annotated

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from .fields import Input, Output, Text

_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_CODES.split())

# Countries without postal codes, by the Universal Postal Union's addressing sheets
# (https://www.upu.int/en/postal-solutions/programmes-services/addressing-solutions), and countries
# whose codes are new or seldom written: nobody should have to make one up.
_WITHOUT_POSTAL_CODES = """
AE AG AI AO AQ AW BB BF BI BJ BM BO BQ BS BV BW BZ CD CF CG CI CK CM CW DJ DM EH ER FJ GA GD GH GM
GN GQ GY HK HM IE JM KE KI KM KN KP LC LY ML MO MR MS MW NA NR NU PA QA RW SB SC SL SO SR SS ST SX
SY TD TF TG TK TL TO TT TV TZ UG VC VG VU WS XK YE ZW
"""
WITHOUT_POSTAL_CODES = frozenset(_WITHOUT_POSTAL_CODES.split())


def _country(text: str) -> str:
    code = text.strip().upper() if text.isascii() else text
    if code not in COUNTRIES:
        raise ValueError("must be an ISO 3166-1 alpha-2 country code such as GB, or XK")
    return code


# Accepted in upper and lower case, kept in upper case.
Country = Annotated[
    Text,
    AfterValidator(_country),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2}$", "examples": ["GB"]}),
]
Line = Annotated[Text, Field(max_length=200)]
PostalCode = Annotated[Text, Field(max_length=20)]


class NewAddress(Input):
    """An address as it comes in. `country` is ISO 3166-1 alpha-2, or XK; `postal_code` may be left
    out where the country has none."""

    model_config = ConfigDict(
        validate_default=True
    )  # so that a missing postal code is checked, too

    line1: Line
    """Street and number, or a post box."""
    line2: Line | None = None
    """Flat, floor, company."""
    city: Line
    region: Line | None = None
    """State, province or county, where addresses have one."""
    # Before the postal code: its validator reads the country.
    country: Country
    postal_code: PostalCode | None = None
    """Required where the country has postal codes."""

    @field_validator("postal_code")
    @classmethod
    def _required_by_country(cls, given: str | None, info: ValidationInfo) -> str | None:
        country = info.data.get("country")
        if given is None and country and country not in WITHOUT_POSTAL_CODES:
            raise ValueError(f"is required in {country}")
        return given


class Address(Output):
    """An address as it is kept. `country` is ISO 3166-1 alpha-2, or XK;
    `postal_code` is null where the country has none."""

    line1: str
    """Street and number, or a post box."""
    line2: str | None = None
    """Flat, floor, company."""
    city: str
    region: str | None = None
    """State, province or county, where addresses have one."""
    postal_code: str | None = None
    """Null where the country has none."""
    country: str

    @classmethod
    def of(cls, given: NewAddress) -> "Address":
        """The address in the form in which it is kept."""
        return cls.model_validate(given.model_dump())
