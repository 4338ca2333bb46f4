"""The methods of a path: those of all routes that match it, not only of the first."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.routing import BaseRoute, Mount, Route

from .media import JSON, MERGE_PATCH
from .verbs import METHODS

EVERY = ", ".join(METHODS)

PATCHES = f"{JSON}, {MERGE_PATCH}"


@dataclass(frozen=True, slots=True)
class PathMethods:
    """The methods of one path. `route` is one of its routes, for logs and metrics."""

    methods: frozenset[str]
    route: BaseRoute

    @property
    def allow(self) -> str:
        return ", ".join(method for method in METHODS if method in self.methods)

    def headers(self) -> dict[str, str]:
        """The headers of the answer to OPTIONS; Accept-Patch is RFC 5789's."""
        told = {"Allow": self.allow}
        return {**told, "Accept-Patch": PATCHES} if "PATCH" in self.methods else told


class Methods:
    """Finds the methods of any path of a service."""

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
    # Only files are mounted.
    return {"GET"} if isinstance(route, Mount) else route.methods or ()
