"""The load generator's HTTP: answers come in whatever pieces the network makes of them."""

import asyncio
from unittest.mock import Mock

import pytest

from bench.wire import Connection

ANSWER = b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\nx-other: 1\r\n\r\nhello"


def connected() -> Connection:
    connection = Connection()
    connection.connection_made(Mock(asyncio.Transport))
    return connection


@pytest.mark.parametrize("size", [1, 7, len(ANSWER) - 1, len(ANSWER)])
async def test_answer_in_pieces(size: int) -> None:
    connection = connected()
    answer = connection.ask(b"GET / HTTP/1.1\r\n\r\n")
    for start in range(0, len(ANSWER), size):
        assert not answer.done()
        connection.data_received(ANSWER[start : start + size])
    assert await answer == (201, b"hello")


async def test_one_answer_after_the_other() -> None:
    connection = connected()
    for _ in range(2):
        answer = connection.ask(b"GET / HTTP/1.1\r\n\r\n")
        connection.data_received(ANSWER)
        assert await answer == (201, b"hello")


async def test_broken_connection_is_an_error() -> None:
    connection = connected()
    answer = connection.ask(b"GET / HTTP/1.1\r\n\r\n")
    connection.connection_lost(None)
    with pytest.raises(ConnectionResetError):
        await answer
