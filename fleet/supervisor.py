"""Keeps processes alive, and ends them.

One thread and no event loop, because it forks. Idle, it sleeps in one system call until a signal
comes: a process died, or somebody wants it to stop.
"""

import time
from contextlib import suppress
from pathlib import Path

from . import console, signals
from .failure import Failure
from .logs import last_lines, refusals, size
from .members import Member, end, ending


class Supervisor:
    """The processes of one fleet, in tiers: what is started first is stopped last."""

    def __init__(self, data_dir: Path) -> None:
        self._pids = data_dir / "pids"
        self._logs = data_dir / "logs"
        self._tiers: list[list[Member]] = []
        self._log_sizes: dict[str, int] = {}

    def start(self, *tier: Member) -> None:
        self._pids.mkdir(exist_ok=True)
        self._tiers.append([])
        for member in tier:
            self._log_sizes[member.name] = size(self._log(member.name))
            member.start()
            self._tiers[-1].append(member)
            self._note_pid(member)

    def refuse_dead(self) -> None:
        """Raises Failure when a process has ended: while the fleet starts, that is final."""
        for member in self._members():
            if (code := member.exit_code) is not None:
                raise self.failure(member.name, ending(code))

    def failure(self, name: str, why: str) -> Failure:
        """Of what does not start: the variables that it refuses, or the end of its log."""
        refused = refusals(self._log(name), self._log_sizes[name])
        return Failure("\n".join(refused or (f"{name} {why}.", last_lines(self._log(name)))))

    def look_after(self) -> None:
        """Start again what dies, until a signal says stop."""
        while signals.wait(self._seconds_until_due()) not in signals.STOP:
            for member in self._members():
                self._revive(member)

    def stop(self) -> None:
        if self._tiers:
            console.say("Stopping …")
        for tier in reversed(self._tiers):
            end(tier)
        for member in self._members():
            self._pid_file(member).unlink(missing_ok=True)

    def _members(self) -> list[Member]:
        return [member for tier in self._tiers for member in tier]

    def _seconds_until_due(self) -> float | None:
        dues = [member.due for member in self._members() if member.due is not None]
        return max(min(dues) - time.monotonic(), 0) if dues else None

    def _revive(self, member: Member) -> None:
        if member.due is None and (code := member.exit_code) is not None:
            self._schedule(member, ending(code))
        if member.due is not None and time.monotonic() >= member.due:
            try:
                member.start()
                self._note_pid(member)
            except OSError as error:  # no memory, no process to be had: later, perhaps
                self._schedule(member, f"cannot be started ({error})")

    def _schedule(self, member: Member, why: str) -> None:
        delay = member.schedule()
        when = f"in {delay:g} s" if delay else "at once"
        console.record(self._logs / "fleet.log", f"{member.name} {why}; starting it again {when}")

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _pid_file(self, member: Member) -> Path:
        return self._pids / f"{member.name}.pid"

    def _note_pid(self, member: Member) -> None:
        """For those who want to watch a process, or kill it; never half a number. A full disk is
        no reason to stop."""
        draft = self._pid_file(member).with_suffix(".new")
        with suppress(OSError):
            draft.write_text(f"{member.process.pid}\n")
            draft.replace(self._pid_file(member))
