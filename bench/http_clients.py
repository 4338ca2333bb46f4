"""Which client should call peers: CPU a call, and whether its pool survives cancelled calls.

`python -m bench.http_clients` prints a table. The callers take turns in one run, so that the
ratios hold on a noisy machine; the server is a process of its own.
"""

import asyncio
import multiprocessing
import socket
import statistics
import time
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import uvicorn
from httpx_aiohttp import AiohttpTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ROUNDS, CALLS, IN_FLIGHT = 7, 800, 16
LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=32)

Get = Callable[[], Awaitable[int]]


async def _answer(_: Request) -> JSONResponse:
    await asyncio.sleep(0.002)  # as long as a peer takes, so that calls overlap
    return JSONResponse({"sku": "A", "price": "19.99", "currency": "EUR"})


def _serve(listener: socket.socket) -> None:
    app = Starlette(routes=[Route("/", _answer)])
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run([listener])


def _by_httpx(client: httpx.AsyncClient, url: str) -> Get:
    async def get() -> int:
        return (await client.get(url)).status_code

    return get


def _by_aiohttp(session: aiohttp.ClientSession, url: str) -> Get:
    async def get() -> int:
        async with session.get(url) as response:
            await response.read()
            return response.status

    return get


async def _cpu_microseconds_a_call(get: Get) -> float:
    async def worker() -> None:
        for _ in range(CALLS // IN_FLIGHT):
            await get()

    started = time.process_time()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return (time.process_time() - started) / CALLS * 1e6


async def _failures_after_cancelling(get: Get) -> int:
    """Cancel thousands of calls early, then count how many of 100 plain ones fail."""

    async def hurried(seconds: float) -> None:
        try:
            await asyncio.wait_for(get(), seconds)
        except (TimeoutError, httpx.HTTPError, aiohttp.ClientError):
            return

    for _ in range(60):
        await asyncio.gather(*(hurried(0.0005 * (1 + n % 40)) for n in range(60)))
    failed = 0
    for _ in range(100):
        try:
            await asyncio.wait_for(get(), 3)
        except (TimeoutError, httpx.HTTPError, aiohttp.ClientError):
            failed += 1
            if failed == 10:
                break
    return failed


async def _compare(url: str) -> None:
    plain = httpx.AsyncClient(limits=LIMITS, timeout=2, trust_env=False)
    bridged = httpx.AsyncClient(
        transport=AiohttpTransport(limits=LIMITS, trust_env=False), timeout=2, trust_env=False
    )
    async with plain, bridged, aiohttp.ClientSession() as bare:
        callers = {
            "httpx": _by_httpx(plain, url),
            "httpx on aiohttp": _by_httpx(bridged, url),
            "aiohttp": _by_aiohttp(bare, url),
        }
        spent: dict[str, list[float]] = {name: [] for name in callers}
        for _ in range(ROUNDS):
            for name, get in callers.items():
                spent[name].append(await _cpu_microseconds_a_call(get))
        base = statistics.median(spent["httpx"])
        print(
            f"{'client':18} {'CPU µs a call':>14} {'of httpx':>9} {'failed after cancelling':>24}"
        )
        for name, get in callers.items():
            median = statistics.median(spent[name])
            failed = await _failures_after_cancelling(get)
            print(f"{name:18} {median:14.0f} {median / base:9.2f} {failed:20d} of 100")


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = multiprocessing.Process(target=_serve, args=(listener,), daemon=True)
        server.start()
        host, port = listener.getsockname()
        asyncio.run(_compare(f"http://{host}:{port}/"))
        server.terminate()


if __name__ == "__main__":
    main()
