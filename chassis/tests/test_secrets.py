"""What is not told: passwords come from files, errors are logged without what they quote."""

from pathlib import Path

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError

from chassis import secrets, tracebacks
from chassis.settings import Settings, load

URL = "postgresql://cart_app@postgres:5432/shop"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(secrets, "FOLDER", tmp_path)
    for variable in ("DATABASE_URL", "DATABASE_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_password_is_a_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)
    (place / "database_password").write_text("p/ss:w@rd\n")
    settings = load(Settings, "cart")
    assert settings.dsn == "postgresql://cart_app:p%2Fss%3Aw%40rd@postgres:5432/shop"
    assert "w@rd" not in repr(settings)


def test_environment_comes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "database_url").write_text(URL)
    (place / "cart_db_password").write_text("from a file\n")
    assert load(Settings, "cart").dsn == URL
    assert secrets.secret("CART_DB_PASSWORD", place) == "from a file"
    monkeypatch.setenv("CART_DB_PASSWORD", "from the environment")
    assert secrets.secret("CART_DB_PASSWORD", place) == "from the environment"
    with pytest.raises(KeyError):
        secrets.secret("ORDER_DB_PASSWORD", place)


class Named(BaseModel):
    name: int


async def test_row_that_postgresql_quotes_is_not_logged(database_url: str) -> None:
    db = await asyncpg.connect(database_url)
    await db.execute("CREATE TEMP TABLE t (name text CHECK (name <> 'canary'))")
    with pytest.raises(asyncpg.CheckViolationError, match="canary") as raised:
        await db.execute("INSERT INTO t VALUES ('canary')")
    assert_untold(raised.value)
    await db.close()


def test_value_that_pydantic_quotes_is_not_logged() -> None:
    with pytest.raises(RuntimeError) as raised:
        read_wrongly("canary")
    told = assert_untold(raised.value)
    assert "it went wrong" in told
    assert "name" in told


def read_wrongly(name: str) -> None:
    try:
        Named.model_validate({"name": name})
    except ValidationError as error:
        raise RuntimeError("it went wrong") from error


def assert_untold(error: BaseException) -> str:
    told = tracebacks.told((type(error), error, error.__traceback__))
    # The lines of code, this file's own included, are told.
    said = "\n".join(line for line in told.splitlines() if not line.startswith("    "))
    assert "canary" not in said
    assert type(error).__name__ in said
    return told
