"""The first page after signing in: what waits for this person."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, signed_in
from accounts.home import sections_for


@signed_in
@require_safe
def home(request: AuthedRequest) -> HttpResponse:
    return render(request, "accounts/home.html", {"sections": sections_for(request.user)})
