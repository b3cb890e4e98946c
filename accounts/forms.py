"""Forms of the account pages. Rules live in `accounts.services`; a form only parses the input."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import NAME_LENGTH, Role, User

_NAME = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
_NEW = {"autocomplete": "new-password"}


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("Name"), max_length=NAME_LENGTH, widget=forms.TextInput(attrs={**_NAME, "autofocus": True})
    )
    password = forms.CharField(
        label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}), strip=False
    )


class NewPasswordForm(forms.Form):
    """A password typed twice."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs=_NEW),
        help_text=_("At least 10 characters. A few unrelated words make a good password."),
    )
    again = forms.CharField(label=_("Repeat the password"), strip=False, widget=forms.PasswordInput(attrs=_NEW))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", _("The two passwords differ. Type them again."))
        return data


class AcceptInvitationForm(NewPasswordForm):
    username = forms.CharField(
        label=_("Name to sign in with"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={**_NAME, "autofocus": True}),
        help_text=_("Letters and digits; large and small letters count as the same."),
    )
    display_name = forms.CharField(label=_("Name that others see"), max_length=120, required=False)
    field_order = ("username", "display_name", "password", "again")


class ChangePasswordForm(NewPasswordForm):
    current = forms.CharField(
        label=_("Current password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("current", "password", "again")


class InviteForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    note = forms.CharField(
        label=_("For whom"),
        max_length=200,
        required=False,
        help_text=_("A note for yourself. The invited person does not see it."),
    )

    def __init__(self, *args: Any, inviter: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(role.value, role.label) for role in inviter.list_roles_to_give()]


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("Say what it is for, for example “nightly export”.")
    )


class DisplayNameForm(forms.Form):
    display_name = forms.CharField(label=_("Name that others see"), max_length=120, required=False)
