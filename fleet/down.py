"""Ends the fleet that runs on a data folder."""

import os
import signal
import time
from pathlib import Path

from . import console, instance
from .failure import Failure
from .settings import Settings

ASKED_SECONDS = 20
# What outlives its supervisor ends by itself, cut off within this time.
FORCED_SECONDS = 12


def down(settings: Settings) -> None:
    """Raises Failure when something is left after all."""
    running = instance.find(settings.data_dir)
    if running is None and instance.is_gone(settings.data_dir):
        console.say("Nothing is running.")
        return
    with console.step("Stopping the fleet"):
        forced = not _end(settings.data_dir, running)
    console.say("Stopped, by force: it did not end when asked." if forced else "Stopped.")


def _end(data_dir: Path, running: instance.Running | None) -> bool:
    """True when it ended as it should."""
    if running:
        _send(running.pid, signal.SIGTERM)
    if _is_gone_within(data_dir, ASKED_SECONDS):
        return True
    if running and instance.find(data_dir) == running:
        _send(running.pid, signal.SIGKILL)
    if not _is_gone_within(data_dir, FORCED_SECONDS):
        raise Failure(f"Some process still holds {data_dir / 'fleet.lock'}: end it by hand.")
    return False


def _send(pid: int, wanted: signal.Signals) -> None:
    try:
        os.kill(pid, wanted)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise Failure(f"Process {pid} belongs to somebody else: stop it as that user.") from error


def _is_gone_within(data_dir: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not instance.is_gone(data_dir):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)  # between two looks; the deadline bounds them all
    return True
