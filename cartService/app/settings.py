"""What this service reads from its environment beside what every service reads."""

from pydantic import Field

from chassis import Settings


class CartSettings(Settings):
    # An open cart that nobody has touched for so many days is forgotten. Three at least: the keys
    # of requests that filled it live for two.
    cart_days: int = Field(90, ge=3, le=36_500)
