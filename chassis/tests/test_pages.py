"""Pages for people: what their browser may load and run, and that nobody frames them."""

import re
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest

PAGES = ("/docs", "/redoc", "/problems/not-found")


def directives(answer: httpx.Response) -> dict[str, list[str]]:
    told = (each.split(" ") for each in answer.headers["content-security-policy"].split("; "))
    return {name: sources for name, *sources in told}


@pytest.mark.parametrize("path", PAGES)
async def test_pages_load_from_us_alone(service: httpx.AsyncClient, path: str) -> None:
    answer = await service.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    told = directives(answer)
    assert told["default-src"] == told["frame-ancestors"] == told["base-uri"] == ["'none'"]
    assert told["connect-src"] == ["'self'"]
    assert "'unsafe-inline'" not in told["script-src"]
    assert "'unsafe-eval'" not in told["script-src"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    # What is on the page is what may run, and may be loaded.
    for script in re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL):
        digest = b64encode(sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in told["script-src"]
    for place in re.findall(r'(?:src|href)="([^"#]+)"', answer.text):
        assert place.startswith("/")
        assert (await service.get(place)).status_code == 200


async def test_viewers_are_kept_and_asked_about(service: httpx.AsyncClient) -> None:
    path = "/docs/assets/swagger-ui.css"
    first = await service.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = await service.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")
    head = await service.head(path)
    assert head.headers["content-length"] == first.headers["content-length"]
