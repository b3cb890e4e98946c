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


def find_unchanged(request: AuthedRequest, stamp: str) -> HttpResponse | None:
    """Return a 304 if the page has the regions of this stamp already, else None."""
    answer: HttpResponse | None = get_conditional_response(request, etag=quote_etag(stamp))
    return answer


def render_regions(
    request: AuthedRequest, template: str, context: Mapping[str, Any], *, stamp: str = ""
) -> HttpResponse:
    """Answer with the regions of a page, or with 304 if the page has them. Without a stamp, compare the HTML."""
    response = render(request, template, context)
    etag = quote_etag(stamp or sha256(response.content).hexdigest())
    response.headers["ETag"] = etag
    patch_cache_control(response, no_store=True)
    return get_conditional_response(request, etag=etag, response=response) or response
