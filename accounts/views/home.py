"""The home page: what a person can do next."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import live
from accounts.access import AuthedRequest, signed_in
from accounts.home import read_home, read_home_stamp


@signed_in
@require_safe
def home(request: AuthedRequest) -> HttpResponse:
    if live.asks_for_regions(request):
        return _answer_regions(request)
    return render(request, "accounts/home.html", {"home": read_home(request.user)})


def _answer_regions(request: AuthedRequest) -> HttpResponse:
    stamp = read_home_stamp(request.user)
    unchanged = live.find_unchanged(request, stamp)
    return unchanged or live.render_regions(
        request, "accounts/_home.html", {"home": read_home(request.user)}, stamp=stamp
    )
