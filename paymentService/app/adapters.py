"""The providers there are, and how one is asked: for a bounded time, and never believed to have
done nothing because it did not answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from asyncpg import Record

from chassis import Context
from chassis.context import current
from chassis.logs import log

from .provider import Outcome, Provider
from .sandbox import Sandbox

Reply = TypeVar("Reply")

ADAPTERS: dict[str, Callable[[Context], Provider]] = {"sandbox": Sandbox}


def known(name: str) -> str:
    if name not in ADAPTERS:
        raise ValueError(f"must be one of {', '.join(sorted(ADAPTERS))}")
    return name


async def outcome_of(context: Context, payment: Record) -> Outcome | None:
    """Have a payment captured; first see what became of it, where an earlier attempt may have
    reached the provider. None: not known yet."""
    provider = _provider(context)
    payment_id = payment["payment_id"]

    async def ask() -> Outcome:
        decided = await provider.find(payment_id) if payment["attempts"] else None
        return decided or await provider.capture(
            payment_id, payment["amount_minor"], payment["currency"], payment["token"]
        )

    return await _within_time(context, ask())


async def refunded(context: Context, refund: Record) -> bool:
    """Have the money given back. False: not known yet."""

    async def ask() -> bool:
        await _provider(context).refund(
            refund["refund_id"], refund["payment_id"], refund["amount_minor"], refund["currency"]
        )
        return True

    return await _within_time(context, ask()) is True


def _provider(context: Context) -> Provider:
    return ADAPTERS[context.settings.payment_provider](context)


async def _within_time(context: Context, asked: Awaitable[Reply]) -> Reply | None:
    current().pause()  # others' requests do not wait for the provider
    try:
        async with asyncio.timeout(context.settings.provider_timeout):
            return await asked
    except Exception as error:
        # Whatever went wrong, the money may have moved. Only the kind of error is logged: its
        # text is the provider's, and may hold what we sent.
        log.warning("provider did not answer", why=type(error).__name__)
        return None
