"""The README's purchase, pasted as it stands."""

import re
import subprocess

from fleet.services import ROOT, SERVICES
from tests.fleets import Fleet


def test_purchase_by_curl(fleet: Fleet) -> None:
    (script,) = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for service in SERVICES:
        port = service.port(8000)
        script = script.replace(f"$api:{port}", f"$api:{service.port(fleet.base)}")
    # Others buy here as Ada too, and may have told her address before.
    script = script.replace("ada@example.org", "reader@example.org")
    for _ in range(2):
        done = subprocess.run(
            ["/usr/bin/env", "bash", "-eu"],
            input=script,
            capture_output=True,
            text=True,
            check=True,
        )
        order, parcel = done.stdout.strip().splitlines()[-2:]
        assert '"status":"fulfilled"' in order
        assert re.search(r'"tracking_number":"[^"]+"', parcel)
