"""What this service reads from its environment beside what every service reads."""

from pydantic import Field

from chassis import Settings


class WarehouseSettings(Settings):
    # How many reservations of one caller may be open at once; not limited where empty.
    most_reservations: int | None = Field(None, ge=1, le=1_000_000)
