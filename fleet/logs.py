"""The log files: one a process, in `logs/` of the data folder."""

from pathlib import Path

LARGEST = 10 * 1024 * 1024


def rotate(folder: Path) -> None:
    """Put what has grown large aside. Only while nobody writes: they hold their files open."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        if log.stat().st_size > LARGEST:
            log.replace(log.with_suffix(".log.1"))


def last_lines(log: Path, count: int = 8) -> str:
    lines = log.read_text(errors="replace").splitlines()[-count:] if log.exists() else []
    return "\n".join([f"The end of {log}:", *(f"  {line[:300]}" for line in lines)])
