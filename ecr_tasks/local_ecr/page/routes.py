"""Routes: the page, and the documents with its data, for this machine's browser and for programs without one.

The page loads nothing from elsewhere, and its Content-Security-Policy allows exactly its own script and style. Its
data is for itself alone: no other web page may read or embed it. A name that somebody else has pointed at this
machine is not answered at all (DNS rebinding; ``http.head.check_host``).
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from functools import cache
from pathlib import Path

from ..constants import CONTENTS_PATH, IMAGES_PATH, REQUESTS_PATH
from ..errors import EcrError, LocalEcrError, storage_problem
from ..http.messages import Response, json_response, text_response
from . import contents, images, requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..access_log import AccessLog
    from ..http.messages import Request
    from ..registries import Registries

    Document = Callable[[Registries, AccessLog, Request], dict[str, Any]]

_DOCUMENTS: dict[str, Document] = {
    CONTENTS_PATH: contents.document,
    IMAGES_PATH: images.document,
    REQUESTS_PATH: requests.document,
}

_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def is_page(request: Request) -> bool:
    """Return whether a browser asks for the page itself; other clients get a line of text at ``/``."""
    return (
        request.path == "/"
        and request.method in ("GET", "HEAD")
        and "text/html" in request.headers.get("Accept", "").lower()
    )


def handle(registries: Registries, log: AccessLog, request: Request) -> Response | None:
    """Answer a request for the page or its data; None for other paths. Sets ``request.is_logged``."""
    if is_page(request):
        request.is_logged = False
        html, policy = _page()
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy, "Vary": "Accept"}
        return Response(200, html, _HEADERS | headers)
    document = _DOCUMENTS.get(request.path)
    if document is None:
        return None
    request.is_logged = False
    if request.method not in ("GET", "HEAD"):
        return Response(405, headers={"Allow": "GET, HEAD"})
    if not _is_own(request):
        return text_response(403, "Only the local ECR's own page may read this.")
    try:
        return json_response(200, document(registries, log, request), _HEADERS)
    except EcrError as error:
        return json_response(error.status, {"error": error.message}, _HEADERS)
    except (OSError, sqlite3.Error, LocalEcrError) as error:
        problem = storage_problem(error)
        if problem is None:
            raise
        return json_response(problem[0], {"error": problem[1]}, _HEADERS)


def _is_own(request: Request) -> bool:
    """Return whether a request is the page's own, or a program's: no other web page may make it.

    Fetch metadata request headers (W3C): browsers say themselves which site a request comes from; ``none`` is the
    user, by an address that was typed. Origin comes with a request for another site, or from an older browser.
    """
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.headers.get('Host', '')}":
        return False
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


@cache
def _page() -> tuple[bytes, str]:
    """Return the page and its Content-Security-Policy (CSP level 3), which names its script and style by digest."""
    html = (Path(__file__).parent / "page.html").read_bytes()
    script, style = (_source(html, element) for element in (b"script", b"style"))
    directives = (
        "default-src 'none'",
        f"script-src {script}",
        f"style-src {style}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return html, "; ".join(directives)


def _source(html: bytes, element: bytes) -> str:
    """Return the source by which the policy allows the page's only inline element of that name: its digest."""
    content = html.partition(b"<%b>" % element)[2].partition(b"</%b>" % element)[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}'"
