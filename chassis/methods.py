"""Which methods a path has: of all routes that match it, not of the first."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.routing import BaseRoute, Mount, Route

from .media import JSON, MERGE_PATCH

# In the order in which they are told.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
EVERY = ", ".join(METHODS)

PATCHES = f"{JSON}, {MERGE_PATCH}"


@dataclass(frozen=True, slots=True)
class PathMethods:
    """Those of one path, as a set and as the header Allow; `route` is a route that it has."""

    methods: frozenset[str]
    route: BaseRoute

    @property
    def allow(self) -> str:
        return ", ".join(method for method in METHODS if method in self.methods)

    def headers(self) -> dict[str, str]:
        """What OPTIONS is told; with what PATCH takes, as RFC 5789 asks."""
        told = {"Allow": self.allow}
        return {**told, "Accept-Patch": PATCHES} if "PATCH" in self.methods else told


class Methods:
    """Of all paths of a service."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [each for each in routes if isinstance(each, Route | Mount)]

    def of(self, path: str) -> PathMethods | None:
        """None where no route matches."""
        matching = [each for each in self._routes if each.path_regex.match(path)]
        if not matching:
            return None
        methods = {method for each in matching for method in _of(each)}
        if "GET" in methods:
            methods.add("HEAD")
        return PathMethods(frozenset(methods | {"OPTIONS"}), matching[0])


def _of(route: Route | Mount) -> Iterable[str]:
    # What is mounted are files.
    return {"GET"} if isinstance(route, Mount) else route.methods or ()
