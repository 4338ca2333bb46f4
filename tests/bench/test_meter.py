"""What Linux says about processes, read right."""

import os
import subprocess
import sys

import pytest

from bench import meter

STAT = (
    "4711 (a (strange) name) S 12 4711 4711 0 -1 4194560 500 0 0 0 "
    "150 50 30 20 20 0 1 0 100 1000000 200 18446744073709551615 1 1"
)

BURNT_SECONDS = 0.3
# What Linux tells at least of that: user's and system's time, each in whole ticks.
TOLD_SECONDS = BURNT_SECONDS - 2 / meter.TICKS
BURN = f"import time\nwhile time.process_time() < {BURNT_SECONDS}: pass"
# Starts one that burns, waits for its end, says so, and stays.
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-I", "-S", "-c", {BURN!r}], check=True)
print("done", flush=True)
sys.stdin.read()
"""


def test_stat_of_a_process_with_brackets_in_its_name() -> None:
    found = meter.parsed(STAT)
    assert (found.pid, found.parent) == (4711, 12)
    assert found.cpu_seconds == pytest.approx(200 / meter.TICKS)
    assert found.children_seconds == pytest.approx(50 / meter.TICKS)


def test_tree_counts_those_that_have_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"done\n"
        assert meter.cpu_of([parent.pid]) < TOLD_SECONDS
        assert meter.cpu_of_tree(parent.pid) >= TOLD_SECONDS
        assert {parent.pid} <= {each.pid for each in meter.tree(os.getpid())}
        assert meter.proportional_bytes([parent.pid]) > 1024 * 1024
        parent.stdin.close()


def test_busy_time_is_without_idle_and_waiting_time() -> None:
    assert meter.busy_of("cpu  100 10 50 9999 777 5 35 0 0 0\ncpu0 1 1") == 200 / meter.TICKS
