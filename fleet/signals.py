"""Signals as values to wait for, not as interruptions.

The supervisor keeps them blocked and asks for the next one. So nothing can interrupt it between
a fork and the note that it forked, a child can never run its parent's handler, and waiting costs
nothing.
"""

import signal

STOP = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_AWAITED = STOP | {signal.SIGCHLD, signal.SIGALRM}


class Interrupted(Exception):
    """The fleet was told to stop."""


def block() -> None:
    # BSD drops a blocked SIGCHLD unless it has a handler.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)


def restore() -> None:
    """Undo `block`, in a forked child."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)


def wait(seconds: float | None = None) -> signal.Signals | None:
    """The next signal, or None after `seconds` without one, now and then a little earlier."""
    # sigtimedwait would say this in one call, but macOS has none.
    signal.setitimer(signal.ITIMER_REAL, 0 if seconds is None else max(seconds, 0.001))
    caught = signal.Signals(signal.sigwait(_AWAITED))
    return None if caught == signal.SIGALRM else caught


def pause(seconds: float) -> None:
    """Let a little time pass, unless a child ends. Raises Interrupted when told to stop."""
    if wait(seconds) in STOP:
        raise Interrupted
