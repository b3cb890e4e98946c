"""The releases whose files the API serves."""

from django.shortcuts import get_object_or_404
from rest_framework import exceptions, status

from datasets.models import Release
from datasets.services.tombstones import make_tombstone


class WithdrawnRelease(exceptions.APIException):
    """The data of a withdrawn release is deleted; the answer says what replaces it."""

    status_code = status.HTTP_410_GONE


def get_served_release(number: int) -> Release:
    """Return a frozen release. Raises Http404, or WithdrawnRelease with the sentence of its tombstone."""
    release = get_object_or_404(Release, number=number, state__in=[Release.State.FROZEN, Release.State.WITHDRAWN])
    if release.state == Release.State.WITHDRAWN:
        raise WithdrawnRelease(make_tombstone(release).explain())
    return release
