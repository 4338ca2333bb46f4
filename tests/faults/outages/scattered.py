"""A fleet whose services start first, in any order, and whose PostgreSQL comes when it is wanted:
`python -m tests.faults.outages.scattered up`."""

import os
import random

from fleet import database, passwords, processes, signals
from fleet.postgres import Postgres
from fleet.settings import Settings
from fleet.up import DATABASE, Startup, up

# PostgreSQL is started when this file is in the data folder.
WANTED = "postgres-is-wanted"
LONGEST_PAUSE = 0.2


class Scattered(Startup):
    """What `up` does, the wrong way round."""

    def run(self, lock: int) -> None:
        folder = self._settings.data_dir
        names = [service.name for service in self._services]
        secrets = passwords.load(folder, ["auditor", *names])
        self._make_keys()
        processes.import_shared_code()
        dsn = Postgres(folder).dsn(DATABASE)
        lifeline = processes.Lifeline()
        for service in random.sample(self._services, len(self._services)):
            self._supervisor.start(self._member(service, dsn, secrets[service.name], lifeline))
            signals.pause(random.uniform(0, LONGEST_PAUSE))
        while not (folder / WANTED).exists():
            self._supervisor.refuse_dead()
            signals.pause(0.05)
        self._start_postgres(lock)
        signals.pause(LONGEST_PAUSE)  # a server without the roles and the schemas
        folders = [self._root / service.folder for service in self._services]
        database.apply_schemas(dsn, folders, secrets)


def main() -> None:
    up(Settings.from_environment(os.environ), startup=Scattered)


if __name__ == "__main__":
    main()
