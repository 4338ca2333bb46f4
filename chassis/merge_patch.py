"""JSON merge patches (RFC 7396): nested objects are merged where a body is sent as one.

In a body that is sent as `application/json`, a nested object replaces the old one as a whole.
"""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from .media import MERGE_PATCH


async def _is_merge_patch(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith(MERGE_PATCH)


IsMergePatch = Annotated[bool, Depends(_is_merge_patch)]


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, 2: what the patch leaves out stays, and null removes."""
    if not isinstance(patch, dict):
        return patch
    after = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = merged(after.get(name), value)
    return after
