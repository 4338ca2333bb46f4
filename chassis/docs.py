"""Swagger UI and ReDoc from our own disk, so that the pages work without the internet."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from . import openapi
from .pages import page

ASSETS = "/docs/assets"


def assets_folder() -> Path:
    """Where the package fastapi-offline keeps the two viewers. Nothing of its code is run."""
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("fastapi-offline is not installed: run pip install -r requirements.txt")
    return Path(spec.origin).parent / "static"


class Assets(StaticFiles):
    """The files of the viewers. A browser keeps them, and revalidates them before each use."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def serve(app: FastAPI) -> None:
    """Add GET /openapi.json, GET /docs and GET /redoc."""
    app.mount(ASSETS, Assets(directory=assets_folder()), name="docs-assets")

    @app.get("/openapi.json", include_in_schema=False)
    async def document(request: Request) -> JSONResponse:
        enforced = request.app.state.settings.auth_mode == "enforce"
        server = f"{request.url.scheme}://{request.url.netloc}"
        return JSONResponse(openapi.served(app.openapi(), server, tokens=enforced))

    swagger = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    )
    redoc = get_redoc_html(
        openapi_url="/openapi.json",
        title=app.title,
        redoc_js_url=f"{ASSETS}/redoc.standalone.js",
        redoc_favicon_url=f"{ASSETS}/favicon.png",
        with_google_fonts=False,
    )

    @app.get("/docs", include_in_schema=False)
    async def read_docs() -> HTMLResponse:
        return page(bytes(swagger.body).decode())

    @app.get("/redoc", include_in_schema=False)
    async def read_redoc() -> HTMLResponse:
        return page(bytes(redoc.body).decode())
