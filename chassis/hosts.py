"""What a browser may be made to do where nobody has to show a token: AUTH_MODE=dev.

A page from anywhere can have the browser of whoever develops here send requests to this machine.
Two things keep it out. A name that a stranger may own is not ours, or its owner would lead it here
and read everything (DNS rebinding). And a page of another site changes nothing.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from .cors import Cors
from .problems import Problem

READS = frozenset({"GET", "HEAD", "OPTIONS"})

# Of names that were seen, and are ours.
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
    """Tells what comes from a page of strangers. `names` are ours beside the obvious ones."""

    def __init__(self, cors: Cors, names: Iterable[str]) -> None:
        self._cors = cors
        self._names = frozenset(name.lower() for name in names)
        self._known: set[bytes] = set()

    def refusal(self, method: str, headers: dict[bytes, bytes]) -> Problem | None:
        host = headers.get(b"host")
        if host is not None and host not in self._known and not self._recognises(host):
            return MisdirectedRequest()
        if method not in READS and self._is_cross_site(headers):
            return CrossSiteRequest()
        return None

    def _recognises(self, host: bytes) -> bool:
        ours = self.is_ours(host.decode("latin-1"))
        if ours and len(self._known) < MOST_KNOWN:
            self._known.add(host)
        return ours

    def is_ours(self, authority: str) -> bool:
        """Whether nobody else can own it. A name without a dot is one of this machine or network,
        as those are by which the containers call one another: none such can be registered."""
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
    """Without its port."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0].removesuffix(".")
