"""The log files: one a process, in `logs/` of the data folder."""

from pathlib import Path

# How each line ends in which a service names a variable that is wrong or missing.
REFUSAL = "See the configuration table."
LARGEST = 10 * 1024 * 1024


def rotate(folder: Path) -> None:
    """Put what has grown large aside. Only while nobody writes: they hold their files open."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        if log.stat().st_size > LARGEST:
            log.replace(log.with_suffix(".log.1"))


def size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def refusals(log: Path, since: int) -> list[str]:
    """The lines about wrong variables that were written after the first `since` bytes."""
    added = log.read_bytes()[since:] if log.exists() else b""
    lines = added.decode(errors="replace").splitlines()
    return [line for line in lines if line.endswith(REFUSAL)]


def last_lines(log: Path, count: int = 8) -> str:
    lines = log.read_text(errors="replace").splitlines()[-count:] if log.exists() else []
    return "\n".join([f"The end of {log}:", *(f"  {line[:300]}" for line in lines)])
