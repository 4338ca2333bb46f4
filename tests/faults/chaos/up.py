"""The fleet that is mistreated: `python -m tests.faults.chaos.up up`."""

import os

from fleet import members
from fleet.settings import Settings
from fleet.up import up

if __name__ == "__main__":
    # A person's fleet starts a service that dies again and again ever later, which is right there:
    # here it would mean that most of it stands still. One that cannot start at all still waits.
    members.SETTLED_SECONDS = 1.0
    up(Settings.from_environment(os.environ))
