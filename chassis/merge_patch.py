"""A JSON merge patch (RFC 7396) of what is nested: for who says that the body is one.

What lies in a body of `application/json` is replaced as a whole.
"""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from .media import MERGE_PATCH


async def _is_merge_patch(request: Request) -> bool:
    return request.headers["content-type"].lower().startswith(MERGE_PATCH)


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
