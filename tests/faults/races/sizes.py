"""How often each race is run: enough to notice, or enough to be sure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """`turns` is for the races between two or three; the others say what they count."""

    rounds: int
    buyers: int
    purchase_rounds: int
    purchases: int
    keys: int
    submits_a_key: int
    turns: int


SIZES = {
    "few": Sizes(3, 100, purchase_rounds=1, purchases=6, keys=50, submits_a_key=20, turns=3),
    "some": Sizes(3, 100, purchase_rounds=1, purchases=6, keys=50, submits_a_key=20, turns=30),
    "full": Sizes(
        100, 1000, purchase_rounds=10, purchases=100, keys=5000, submits_a_key=20, turns=100
    ),
}
