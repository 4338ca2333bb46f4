"""Who was erased, kept beside the backups: a restore brings back what was in them, and these ids
tell whom to erase again. `python -m fleet.erased` adds to the list; each backup does so, too.

It holds ids of customers, one a line, and nothing else of theirs.
"""

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from uuid import UUID

from . import console, deployment
from .deployment import Deployment, ask
from .failure import Failure
from .settings import Settings

NAME = "erased.txt"

IDS = "SELECT customer_id FROM customer.customers WHERE erased_at IS NOT NULL ORDER BY customer_id"

# The customer's service erases them at its next start, as if they had asked for it then. The table
# is one of its own, which an older version's backup does not have yet.
MARK = """
CREATE TABLE IF NOT EXISTS customer.to_erase (
    customer_id uuid PRIMARY KEY REFERENCES customer.customers
);
ALTER TABLE customer.to_erase OWNER TO customer_owner;
INSERT INTO customer.to_erase
SELECT customer_id FROM customer.customers
 WHERE customer_id = ANY ('{{{ids}}}') AND erased_at IS NULL
ON CONFLICT DO NOTHING;
SELECT count(*) FROM customer.to_erase;
"""


def ids_in(source: Deployment, *, database: str | None = None) -> set[UUID]:
    """Everybody whom this database knows as erased. Raises Failure."""
    there = ask(source, "SELECT to_regclass('customer.customers')", database=database)
    return {UUID(line) for line in ask(source, IDS, database=database).split()} if there else set()


def listed(file: Path) -> set[UUID]:
    """Raises Failure where a line is no id: who was meant by it would not be erased."""
    try:
        return {UUID(line) for line in file.read_text().split()}
    except (OSError, ValueError) as error:
        raise Failure(f"{file} is not a list of who was erased: {error}") from error


def keep(source: Deployment, file: Path) -> int:
    """Add everybody who is erased by now; nobody is ever taken off. Returns how many there are."""
    known = listed(file) if file.exists() else set()
    everybody = known | ids_in(source)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.part")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as target:
        target.writelines(f"{each}\n" for each in sorted(everybody))
        target.flush()
        os.fsync(target.fileno())
    draft.replace(file)
    return len(everybody)


def mark(target: Deployment, ids: Collection[UUID], *, database: str) -> int:
    """Have these erased again, in a database that was restored. Returns how many that will be."""
    if not ids:
        return 0
    statements = MARK.format(ids=",".join(map(str, sorted(ids))))
    return int(ask(target, statements, database=database).split()[-1])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fleet.erased", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help=f"by default DATA_DIR/backups/{NAME}")
    chosen = parser.parse_args(arguments)
    try:
        folder = Settings.from_environment(os.environ).data_dir / "backups"
        file: Path = chosen.file or folder / NAME
        console.say(f"{file}  {keep(deployment.find(os.environ), file.absolute())} erased")
    except (Failure, OSError) as error:
        console.complain(f"The list is as it was: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
