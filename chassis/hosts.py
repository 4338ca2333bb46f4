"""With AUTH_MODE=dev, keeps pages of strangers from using a developer's browser.

Any page can make the browser send requests to this machine. So a request is refused if its Host is
a name that a stranger may own (who could point it at this machine, and read everything: DNS
rebinding), or if it changes something and comes from a page of another site.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from .cors import Cors
from .problems import Problem
from .verbs import SAFE

# How many accepted names are remembered.
MOST_KNOWN = 256


class MisdirectedRequest(Problem, status=421, remembered=False):
    """With AUTH_MODE=dev, a service is called by a name of this machine.

    Call it as localhost or 127.0.0.1, or list further names in ALLOWED_HOSTS.
    """


class CrossSiteRequest(Problem, status=403, remembered=False):
    """With AUTH_MODE=dev, a page of another site may change nothing.

    List the page's origin in CORS_ORIGINS if it may.
    """


class LocalOnly:
    """Tells which requests to refuse. `names`: names of this machine, beside the obvious ones."""

    def __init__(self, cors: Cors, names: Iterable[str]) -> None:
        self._cors = cors
        self._names = frozenset(name.lower() for name in names)
        self._known: set[bytes] = set()

    def refusal(self, method: str, headers: dict[bytes, bytes]) -> Problem | None:
        host = headers.get(b"host")
        if host is not None and host not in self._known and not self._recognises(host):
            return MisdirectedRequest()
        if method not in SAFE and self._is_cross_site(headers):
            return CrossSiteRequest()
        return None

    def _recognises(self, host: bytes) -> bool:
        ours = self.is_ours(host.decode("latin-1"))
        if ours and len(self._known) < MOST_KNOWN:
            self._known.add(host)
        return ours

    def is_ours(self, authority: str) -> bool:
        """Whether no stranger can own this name. One without a dot is local, as the names are by
        which containers call one another: nobody can register it."""
        name = _host(authority).lower()
        if name in self._names or name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return "." not in name

    def _is_cross_site(self, headers: dict[bytes, bytes]) -> bool:
        origin = headers.get(b"origin")
        if origin in self._cors.origins:
            return False
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site == b"cross-site"
        if origin is None:
            return False  # no browser
        _, _, authority = origin.decode("latin-1").partition("://")
        return not (authority and self.is_ours(authority))


def _host(authority: str) -> str:
    """The host of `host:port`."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0].removesuffix(".")
