"""A port that somebody holds is not free, whoever it is; and no two tests get the same ones."""

import socket
from contextlib import ExitStack

import pytest

from fleet.ports import is_free
from tests import ports

HOST = "127.0.0.1"


def serve_once(port: int) -> None:
    """What is left of it is a connection that lingers, as it does where a server ends one."""
    with (
        socket.create_server((HOST, port)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        answered, _ = server.accept()
        answered.close()
        assert client.recv(1) == b""


def test_a_port_is_taken_while_a_server_listens(port_base: int) -> None:
    with socket.create_server((HOST, port_base + 1)):
        assert not is_free(HOST, port_base + 1)
    assert is_free(HOST, port_base + 1)


def test_a_port_is_taken_while_a_connection_leaves_from_it(port_base: int) -> None:
    with (
        socket.create_server((HOST, port_base + 1)) as server,
        socket.create_connection(server.getsockname(), source_address=(HOST, port_base + 2)),
    ):
        assert not is_free(HOST, port_base + 2)


def test_a_port_is_free_as_soon_as_the_server_that_had_it_is_gone(port_base: int) -> None:
    serve_once(port_base + 1)
    assert is_free(HOST, port_base + 1)


def test_what_is_reserved_is_given_once(monkeypatch: pytest.MonkeyPatch, port_base: int) -> None:
    monkeypatch.setattr(ports, "SIZE", 4)
    monkeypatch.setattr(ports, "BASES", range(port_base + 1, port_base + 13, 4))
    for port in range(port_base + 1, port_base + 13):
        serve_once(port)
    with ExitStack() as stack:
        stack.enter_context(socket.create_server((HOST, port_base + 7)))
        given = {stack.enter_context(ports.reserved()) for _ in range(2)}
        assert given == {port_base + 1, port_base + 9}
        with pytest.raises(AssertionError, match="no 4 free ports in a row"):
            stack.enter_context(ports.reserved())
    with ports.reserved() as again:
        assert again in ports.BASES
