"""What a bench has started, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.services import ROOT

# Runs something that needs no time to get ready, says what its process is, and waits.
BENCH = """
import signal, sys
from pathlib import Path
from bench.stand import running
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
with running("tests.bench.idle", Path(sys.argv[1]), 0, ()) as something:
    print(something.supervisor, flush=True)
    signal.pause()
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_bench_that_is_ended_leaves_nothing_running(end: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BENCH, tmp_path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as bench:
        assert bench.stdout is not None
        started = int(bench.stdout.readline())
        os.kill(started, 0)
        bench.send_signal(end)
        try:
            bench.wait(30)
        finally:
            bench.kill()  # else a bench that did not end would be waited for
    with pytest.raises(ProcessLookupError):
        os.kill(started, 0)
