"""Which ports are taken, and by whom."""

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from .failure import Failure

LISTEN = "0A"


def refuse_taken(host: str, ports: Iterable[int]) -> None:
    """Raises Failure naming every port that another process holds, and that process."""
    taken = [port for port in ports if not is_free(host, port)]
    if taken:
        holders = _holders(taken)
        lines = [f"Port {port} is taken{holders.get(port, '')}." for port in taken]
        raise Failure("\n".join([*lines, "Stop it, or move the fleet: PORT_BASE=9000 make up"]))


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. Raises Failure when it cannot for another reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise Failure(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    return True


def _holders(ports: list[int]) -> dict[int, str]:
    """Port to ` by process 42 (nginx)`; only what Linux tells, and only what we may see."""
    sockets = dict(_listening(ports))
    found = {}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            port = sockets.get(os.readlink(descriptor))
        except OSError:
            continue
        if port is not None:
            pid = descriptor.parts[2]
            found[port] = f" by process {pid} ({_command(pid)})"
    return found


def _listening(ports: list[int]) -> Iterator[tuple[str, int]]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            port = int(fields[1].rpartition(":")[2], 16)
            if fields[3] == LISTEN and port in ports:
                yield f"socket:[{fields[9]}]", port


def _command(pid: str) -> str:
    try:
        words = Path("/proc", pid, "cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return "?"
    return " ".join(words).strip()[:60]
