"""Pages that renew themselves: the script `static/js/live.js` asks a page for its regions alone.

A page includes `_components/live.html` and marks each region with `data-live-region` and an id. Its view answers such a
request with a template that includes the same regions.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag

from accounts.access import AuthedRequest

TARGET = "live"


def asks_for_regions(request: AuthedRequest) -> bool:
    """Return whether the request is for the regions of a page, not for the page."""
    return request.htmx.target == TARGET


def render_regions(request: AuthedRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """Answer with the regions of a page, or with 304 if they are those that the page has."""
    response = render(request, template, context)
    response.headers["ETag"] = quote_etag(sha256(response.content).hexdigest())
    patch_cache_control(response, no_store=True)
    return get_conditional_response(request, etag=response.headers["ETag"], response=response) or response
