"""Tracking numbers, and what their check character notices."""

from itertools import pairwise

from shippingService.app.tracking import ALPHABET, LENGTH, PREFIX, check_character, mint


def is_whole(number: str) -> bool:
    return check_character(number[:-1]) == number[-1]


def test_number_is_made_of_readable_characters() -> None:
    number = mint()
    assert number.startswith(PREFIX)
    assert len(number) == len(PREFIX) + LENGTH + 1
    assert set(number[len(PREFIX) :]) <= set(ALPHABET)
    assert is_whole(number.removeprefix(PREFIX))


def test_wrong_character_is_noticed() -> None:
    number = mint().removeprefix(PREFIX)
    for place, right in enumerate(number):
        for wrong in set(ALPHABET) - {right}:
            assert not is_whole(number[:place] + wrong + number[place + 1 :])


def test_swapped_neighbours_are_noticed() -> None:
    for body in (mint().removeprefix(PREFIX)[:-1] for _ in range(20)):
        for place, (one, other) in enumerate(pairwise(body)):
            swapped = body[:place] + other + one + body[place + 2 :]
            noticed = check_character(swapped) != check_character(body)
            assert noticed or one == other or {one, other} == {"0", "Z"}


def test_numbers_differ() -> None:
    assert len({mint() for _ in range(1000)}) == 1000
