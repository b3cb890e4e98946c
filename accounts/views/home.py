"""The home page: what a person can do next."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, signed_in
from accounts.home import read_home


@signed_in
@require_safe
def home(request: AuthedRequest) -> HttpResponse:
    return render(request, "accounts/home.html", {"home": read_home(request.user)})
