"""Runs one command, PostgreSQL, and sees that it ends when the fleet does.

Started as a program of its own, with its standard input tied to the fleet: when nobody holds the
other end any more, however that came about, PostgreSQL is stopped. SIGTERM stops it fast, SIGQUIT
at once. Only the standard library, and not from within the package: it starts in milliseconds.

    guardian.py UID GID COMMAND…        (-1 -1: as the present user)
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

# Fast shutdown; where that hangs the immediate one, which costs a recovery; then the axe.
FAST = ((0.0, signal.SIGINT), (6.0, signal.SIGQUIT), (8.0, signal.SIGKILL))
IMMEDIATE = ((0.0, signal.SIGQUIT), (2.0, signal.SIGKILL))

Ladder = tuple[tuple[float, signal.Signals], ...]
PR_SET_PDEATHSIG = 1


def main(uid: int, gid: int, command: list[str]) -> int:
    server = start(uid, gid, command)
    signal.signal(signal.SIGTERM, lambda *_: stop(server, FAST))
    signal.signal(signal.SIGQUIT, lambda *_: stop(server, IMMEDIATE))
    # The supervisor blocks its signals, and a mask outlives an exec.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    threading.Thread(target=stop_when_alone, args=(server,), daemon=True).start()
    return server.wait()


def start(uid: int, gid: int, command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        close_fds=False,  # the fleet's lock is passed on, so that it tells whether we still run
        user=uid if uid >= 0 else None,
        group=gid if gid >= 0 else None,
        extra_groups=[] if gid >= 0 else None,
        preexec_fn=end_with_parent() if sys.platform == "linux" else None,
    )


def end_with_parent() -> Callable[[], object]:
    """For the case that the guardian itself is killed."""
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def stop_when_alone(server: "subprocess.Popen[bytes]") -> None:
    os.read(sys.stdin.fileno(), 1)
    stop(server, FAST)


def stop(server: "subprocess.Popen[bytes]", ladder: Ladder) -> None:
    for delay, step in ladder:
        timer = threading.Timer(delay, server.send_signal, (step,))
        timer.daemon = True
        timer.start()


if __name__ == "__main__":
    sys.exit(abs(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
