"""Secrets as files, where a platform puts them: one a secret, named like its variable."""

import os
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

FOLDER = Path("/run/secrets")


def secret(variable: str, folder: Path = FOLDER) -> str:
    """From the environment, else from its file. Raises KeyError where it is in neither."""
    if given := os.environ.get(variable):
        return given
    try:
        return (folder / variable.lower()).read_text().strip()
    except OSError:
        raise KeyError(variable) from None


def with_password(dsn: str, password: str) -> str:
    """The same database, for the same role, with its password."""
    parts = urlsplit(dsn)
    role, host = parts.username or "", parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{host}"))
