"""One OpenAPI page for all ten services: `python -m fleet.openapi shop.json`.

What only services and operators call is left out. Each path names the server that it is asked at.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chassis.app import load_app, version
from chassis.openapi import INTERNAL, LICENCE, OPERATIONS

from .services import BY_NAME, SERVICES, urls

LEFT_OUT = {INTERNAL, OPERATIONS}

DESCRIPTION = """\
Ten services behind one page. Each path stands with the server that answers it; every service has a
page of its own too, with its operations for whoever runs it.
"""


class Clash(Exception):
    """Two services say different things under one name."""


def pages() -> dict[str, dict[str, Any]]:
    """The page of each service, by its name."""
    return {service.name: load_app(service.folder).openapi() for service in SERVICES}


def joined(documents: Mapping[str, dict[str, Any]], servers: Mapping[str, str]) -> dict[str, Any]:
    """One page of these, which are by service, as `servers` are. Raises Clash."""
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    tags: dict[str, Any] = {}
    for name, document in documents.items():
        for path, methods in document["paths"].items():
            wanted = {method: each for method, each in methods.items() if _is_for_clients(each)}
            if wanted:
                _put(paths, path, {"servers": [{"url": servers[name]}], **wanted})
        for kind, entries in document["components"].items():
            for entry, value in entries.items():
                _put(components.setdefault(kind, {}), entry, value)
        for tag in document["tags"]:
            if tag["name"] not in LEFT_OUT:
                _put(tags, tag["name"], tag)
    page = {
        "openapi": "3.1.0",
        "info": {
            "title": "Shop",
            "version": version(),
            "description": f"{DESCRIPTION}\n{_conventions(documents)}",
            "license": LICENCE,
        },
        "servers": [{"url": servers[next(iter(documents))]}],
        "tags": list(tags.values()),
        "paths": paths,
    }
    return {**page, "components": _used(components, page)}


def _is_for_clients(operation: dict[str, Any]) -> bool:
    return LEFT_OUT.isdisjoint(operation["tags"])


def _conventions(documents: Mapping[str, dict[str, Any]]) -> str:
    """What all pages say beneath what is their own."""
    told = {str(each["info"]["description"]).partition("\n\n")[2] for each in documents.values()}
    (same,) = told
    return same


def _put(into: dict[str, Any], name: str, value: Any) -> None:
    if into.setdefault(name, value) != value:
        raise Clash(f"{name} has two shapes")


def _used(components: dict[str, dict[str, Any]], page: dict[str, Any]) -> dict[str, Any]:
    """Those that the page leads to, by whatever way."""
    found: dict[str, dict[str, Any]] = {
        kind: components[kind] for kind in ("securitySchemes",) if kind in components
    }
    waiting = [page]
    while waiting:
        text = json.dumps(waiting.pop())
        for kind in ("schemas", "headers"):
            for name, value in components[kind].items():
                if name not in found.get(kind, {}) and f'"#/components/{kind}/{name}"' in text:
                    found.setdefault(kind, {})[name] = value
                    waiting.append(value)
    return {kind: dict(sorted(entries.items())) for kind, entries in sorted(found.items())}


def main(target: Path) -> None:
    page = joined(pages(), urls())
    target.write_text(json.dumps(page, indent=2, ensure_ascii=False) + "\n")
    operations = sum(len(methods) - 1 for methods in page["paths"].values())
    print(f"{target}: {operations} operations of {len(BY_NAME)} services")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
