"""Stock that is counted, reserved, committed, released and expires at the same time."""

import asyncio
import random
from collections import Counter
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.faults.races.crowd import Crowd, problem, take_turns
from tests.faults.races.sizes import Sizes
from tests.shop import unique

HELD = 3

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


async def reserve(shop: Crowd, sku: str, expires_in: int = 900) -> httpx.Response:
    body = {
        "reservation_id": str(uuid4()),
        "items": [{"sku": sku, "quantity": HELD}],
        "expires_in": expires_in,
    }
    return await shop.insist("warehouse", "POST", "/reservations", body)


async def held(shop: Crowd, sku: str, expires_in: int = 900) -> str:
    """The path of a reservation that stands."""
    reserved = await reserve(shop, sku, expires_in)
    assert reserved.status_code == 201, reserved.text
    return f"/reservations/{reserved.json()['reservation_id']}"


async def move(shop: Crowd, path: str, what: str) -> httpx.Response:
    return await shop.insist("warehouse", "POST", f"{path}/{what}", key=unique(what))


async def adjust(shop: Crowd, sku: str, delta: int) -> httpx.Response:
    body, key = {"delta": delta, "reason": "counted again"}, unique("adjust")
    return await shop.insist("warehouse", "POST", f"/stock/{sku}/adjustments", body, key=key)


async def count(shop: Crowd, sku: str, quantity: int) -> httpx.Response:
    return await shop.insist("warehouse", "PUT", f"/stock/{sku}", {"quantity": quantity})


async def stock_of(shop: Crowd, sku: str) -> tuple[int, int]:
    stock = await shop.get("warehouse", f"/stock/{sku}")
    return stock["on_hand"], stock["reserved"]


async def test_restock_against_reserve(shop: Crowd, sizes: Sizes) -> None:
    """Every adjustment that was accepted counts, and no unit is promised twice."""

    async def turn() -> None:
        sku = await shop.product(stock=10)
        deltas = [4] * 5 + [-2] * 5
        answers = await shop.race(
            *(adjust(shop, sku, delta) for delta in deltas),
            *(reserve(shop, sku) for _ in range(8)),
        )
        adjusted, reserving = answers[: len(deltas)], answers[len(deltas) :]
        assert {problem(answer) for answer in adjusted} <= {"", "below-reserved"}
        accepted = zip(deltas, adjusted, strict=True)
        on_hand = 10 + sum(delta for delta, answer in accepted if answer.is_success)
        reserved = HELD * sum(answer.is_success for answer in reserving)
        assert await stock_of(shop, sku) == (on_hand, reserved)
        while (more := await reserve(shop, sku)).is_success:
            reserved += HELD
        assert problem(more) == "insufficient-stock"
        assert 0 <= on_hand - reserved < HELD

    await take_turns("Restock", sizes.turns, turn)


async def test_baskets_in_any_order_do_not_deadlock(
    shop: Crowd, sizes: Sizes, books: asyncpg.Pool
) -> None:
    """Large ones: the locks of a small one are taken too fast to cross."""
    before = await books.fetchval(DEADLOCKS)

    async def turn() -> None:
        skus = [unique("SKU") for _ in range(200)]
        counts = [{"sku": sku, "quantity": 1000} for sku in skus]
        await shop.post("warehouse", "/stock/bulk", {"stock": counts}, status=200)
        baskets = [basket(shop, random.sample(skus, len(skus))) for _ in range(12)]
        answers = await asyncio.gather(*baskets)
        assert {answer.status_code for answer in answers} == {201}
        assert await stock_of(shop, skus[0]) == (1000, len(baskets))

    await take_turns("Baskets", sizes.turns, turn)
    assert await books.fetchval(DEADLOCKS) == before


async def basket(shop: Crowd, skus: list[str]) -> httpx.Response:
    items = [{"sku": sku, "quantity": 1} for sku in skus]
    body = {"reservation_id": str(uuid4()), "items": items}
    return await shop.insist("warehouse", "POST", "/reservations", body)


async def test_reserve_against_release(shop: Crowd, sizes: Sizes) -> None:
    """Whichever comes first: who has let go holds nothing."""
    sku = await shop.product(stock=1_000_000)

    async def turn() -> None:
        reservation_id = str(uuid4())
        body = {"reservation_id": reservation_id, "items": [{"sku": sku, "quantity": HELD}]}
        path = f"/reservations/{reservation_id}"
        reserved, released = await shop.race(
            shop.insist("warehouse", "POST", "/reservations", body), move(shop, path, "release")
        )
        assert problem(reserved) in ("", "reservation-released")
        assert released.is_success
        assert (await shop.get("warehouse", path))["status"] == "released"

    await take_turns("Release", 5 * sizes.turns, turn)
    assert await stock_of(shop, sku) == (1_000_000, 0)


async def test_count_against_reserve(shop: Crowd, sizes: Sizes) -> None:
    """The last count that was accepted stands; none is that is below what is promised."""

    async def turn() -> None:
        sku = await shop.product(stock=10)
        numbers = (5, 8, 20)
        answers = await shop.race(
            *(count(shop, sku, number) for number in numbers),
            *(reserve(shop, sku) for _ in range(6)),
        )
        assert {problem(answer) for answer in answers[:3]} <= {"", "below-reserved"}
        assert {problem(answer) for answer in answers[3:]} <= {"", "insufficient-stock"}
        on_hand, reserved = await stock_of(shop, sku)
        assert reserved == HELD * sum(answer.is_success for answer in answers[3:]) <= on_hand
        counted = {
            number for number, answer in zip(numbers, answers, strict=False) if answer.is_success
        }
        assert on_hand in counted
        movements = (await shop.get("warehouse", f"/stock/{sku}/movements"))["items"]
        assert sum(movement["delta"] for movement in movements) == on_hand

    await take_turns("Count", sizes.turns, turn)


async def test_untracked_against_counted(shop: Crowd, sizes: Sizes) -> None:
    """Whatever is reserved, sent out and given back while a SKU is tracked, and then is not."""

    async def end(sku: str, how: str) -> httpx.Response:
        return await move(shop, await held(shop, sku), how)

    async def untrack(sku: str) -> httpx.Response:
        return await shop.insist("warehouse", "PUT", f"/stock/{sku}", {"tracked": False})

    async def turn() -> None:
        sku = await shop.product(stock=1000)
        await shop.race(
            *(end(sku, how) for how in ("commit", "release") * 4),
            *(untrack(sku) for _ in range(3)),
            *(count(shop, sku, 1000) for _ in range(3)),
        )
        stock = await shop.get("warehouse", f"/stock/{sku}")
        assert stock["reserved"] == 0
        movements = (await shop.get("warehouse", f"/stock/{sku}/movements"))["items"]
        assert sum(movement["delta"] for movement in movements) == stock["on_hand"]

    await take_turns("Untracked", sizes.turns, turn)


@pytest.mark.parametrize("other", ["release", "commit"])
async def test_commit_against_release(shop: Crowd, sizes: Sizes, other: str) -> None:
    """One wins, for good; two commits are one."""
    sku = await shop.product(stock=1_000_000)
    left = Counter[bool]()

    async def turn() -> None:
        path = await held(shop, sku)
        committed, raced = await shop.race(move(shop, path, "commit"), move(shop, path, other))
        left[committed.is_success] += 1
        if other == "commit":
            assert committed.is_success
            assert raced.is_success
            return
        answers = (problem(committed), problem(raced))
        assert answers in [("", "reservation-committed"), ("reservation-released", "")]
        status = (await shop.get("warehouse", path))["status"]
        assert status == ("committed" if committed.is_success else "released")

    await take_turns(f"Commit, {other}", sizes.turns, turn)
    assert await stock_of(shop, sku) == (1_000_000 - HELD * left[True], 0)


async def test_commit_against_expiry(shop: Crowd, sizes: Sizes) -> None:
    """About when they expire, and after the sweep: those that are committed have left, the others
    are free again."""
    sku = await shop.product(stock=1_000_000)
    paths = await asyncio.gather(*(held(shop, sku, 1) for _ in range(4 * sizes.turns)))

    async def commit_late(path: str) -> httpx.Response:
        # The race: about when it expires, or after the sweep has come by.
        await asyncio.sleep(random.uniform(*random.choice([(0.7, 1.1), (1.1, 2.4)])))
        return await move(shop, path, "commit")

    answers = await asyncio.gather(*map(commit_late, paths))
    assert {problem(answer) for answer in answers} <= {"", "reservation-expired"}
    committed = sum(answer.is_success for answer in answers)
    await shop.until("warehouse", f"/stock/{sku}", reserved=0)
    assert await stock_of(shop, sku) == (1_000_000 - HELD * committed, 0)
    for path, answer in zip(paths, answers, strict=True):
        status = (await shop.get("warehouse", path))["status"]
        assert status == ("committed" if answer.is_success else "expired")


async def test_two_who_saw_the_same_version(shop: Crowd, sizes: Sizes) -> None:
    """PATCH with If-Match: one of them is told that he has not seen the other's."""

    async def turn() -> None:
        sku = await shop.product(price="10.00")
        catalogue, path = shop["product_catalogue"], f"/products/{sku}"
        seen = {"If-Match": (await catalogue.get(path)).headers["etag"]}
        prices = ("11.00", "12.00", "13.00")
        answers = await shop.race(
            *(catalogue.patch(path, json={"price": price}, headers=seen) for price in prices)
        )
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 2}
        (won,) = [answer.json() for answer in answers if answer.is_success]
        assert await shop.get("product_catalogue", path) == won

    await take_turns("If-Match", sizes.turns, turn)
