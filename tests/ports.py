"""Ports that are one test's alone, whatever other tests run at the same time."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from fleet.ports import is_free

HOST = "127.0.0.1"
SIZE = 64
# Below 32768, where no system gives ports to outgoing connections: one of those may begin at any
# time, and holds its port for as long as it lasts.
BASES = range(10_000, 32_000, SIZE)


@contextmanager
def reserved() -> Iterator[int]:
    """A port base, such as PORT_BASE: the SIZE - 1 ports above it are free, and nobody else is
    given them until the block ends."""
    for base in random.sample(BASES, len(BASES)):
        try:
            claim = socket.create_server((HOST, base))  # ends with its process, whatever happens
        except OSError:
            continue  # another test's
        with claim:
            if all(is_free(HOST, base + offset) for offset in range(1, SIZE)):
                yield base
                return
    raise AssertionError(f"no {SIZE} free ports in a row")
