"""What a page for people says to the browser beside what is on it: where it may load from."""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

from starlette.responses import HTMLResponse

_inline_script = re.compile(r"<script>(.*?)</script>", re.DOTALL)

# The viewers write styles into the page, and show pictures that are part of them; ReDoc's search
# runs beside the page, from a copy that it makes itself.
FROM = {
    "default-src": "'none'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "style-src": "'self' 'unsafe-inline'",
    "worker-src": "blob:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


def page(html: str, *, vary: str | None = None) -> HTMLResponse:
    """A page that runs its own scripts and ours, and that no other page may frame."""
    told = {
        "Content-Security-Policy": policy(_inline_script.findall(html)),
        "Referrer-Policy": "no-referrer",
        # It changes with the version of the service, and tells of nobody.
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(html, headers={**told, "Vary": vary} if vary else told)


def policy(scripts: Iterable[str]) -> str:
    """That lets these scripts run, which stand in the page, and those that are loaded from us."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = {"script-src": " ".join(["'self'", *(f"'sha256-{each}'" for each in digests)])}
    return "; ".join(f"{kind} {sources}" for kind, sources in {**FROM, **allowed}.items())
