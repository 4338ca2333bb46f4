"""HTML pages, with a Content-Security-Policy: what they may load and run."""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

from starlette.responses import HTMLResponse

_inline_script = re.compile(r"<script>(.*?)</script>", re.DOTALL)

# The viewers write inline styles and show pictures as data: URLs; ReDoc's search runs in a worker
# that it makes from a blob.
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
    """A page that runs only its own scripts, and that no other page may frame."""
    told = {
        "Content-Security-Policy": policy(_inline_script.findall(html)),
        "Referrer-Policy": "no-referrer",
        # It changes with the version of the service, and holds no personal data.
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(html, headers={**told, "Vary": vary} if vary else told)


def policy(scripts: Iterable[str]) -> str:
    """The policy that allows these inline scripts, and scripts loaded from this service."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = {"script-src": " ".join(["'self'", *(f"'sha256-{each}'" for each in digests)])}
    return "; ".join(f"{kind} {sources}" for kind, sources in {**FROM, **allowed}.items())
