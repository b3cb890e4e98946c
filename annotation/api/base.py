"""What all views of annotation's API share: roles, refusals as errors, jobs, and pages by key.

Errors: 400 names each field at fault; 401 without an account; 403 below the required role; 404 for what does not exist
or is not yours; 409 for a conflict with the present state. The last four have a `detail`.
"""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from rest_framework import exceptions, serializers, status
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import HasRole
from accounts.models import Role, User
from annotation.campaigns.campaigns import StateRefused
from annotation.rating.answers import AnswersRefused
from annotation.rating.queue import LeaseLost
from operations.models import Job

JSON = dict[str, Any]


class Conflict(exceptions.APIException):
    """A request that came too late or does not fit the present state."""

    status_code = status.HTTP_409_CONFLICT


class RoleView(APIView):
    """A view that requires a role and turns refusals of services into errors."""

    permission_classes = (HasRole,)
    required_role: ClassVar[Role | dict[str, Role]] = Role.LEAD

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, AnswersRefused):
            exc = exceptions.ValidationError(exc.problems)
        elif isinstance(exc, ValidationError):
            exc = exceptions.ValidationError(_list_problems(exc))
        elif isinstance(exc, LeaseLost | StateRefused):
            exc = Conflict(str(exc))
        return super().handle_exception(exc)

    @property
    def actor(self) -> User:
        """The caller; HasRole has checked their role."""
        assert isinstance(self.request.user, User)
        return self.request.user


def _list_problems(refusal: ValidationError) -> dict[str, list[str]]:
    """Return the sentences of a refusal by field; those of no field are `non_field_errors`, as serializers have it."""
    return refusal.message_dict if hasattr(refusal, "error_dict") else {"non_field_errors": refusal.messages}


def read_values(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """Return the validated values; raise ValidationError with each field at fault."""
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job in the background: poll it until `state` is done, failed or cancelled."""

    class Meta:
        model = Job
        fields = ("id", "kind", "state", "progress", "message", "result", "error", "created_at", "finished_at")
        read_only_fields = fields


class KeyPagination(CursorPagination):
    """Pages by cursor, oldest row first: every page costs the same."""

    ordering = "pk"
    page_size = 100
