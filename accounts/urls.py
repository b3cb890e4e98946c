from django.urls import URLPattern, URLResolver, path

from accounts.views import account, audit, home, people, signing

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("sign-in", signing.sign_in, name="sign-in"),
    path("sign-out", signing.sign_out, name="sign-out"),
    path("join/<str:secret>", people.accept_invitation, name="accept-invitation"),
    path("password/<str:secret>", people.set_password, name="set-password"),
    path("account", account.account, name="account"),
    path("account/name", account.rename, name="rename"),
    path("account/password", account.change_password, name="change-password"),
    path("account/tokens", account.issue_token, name="issue-token"),
    path("account/tokens/<int:pk>/revoke", account.revoke_token, name="revoke-token"),
    path("audit", audit.audit, name="audit"),
    path("audit.csv", audit.audit_file, name="audit-file"),
    path("people", people.people, name="people"),
    path("people/invite", people.invite, name="invite"),
    path("people/invitations/<int:pk>/revoke", people.revoke_invitation, name="revoke-invitation"),
    path("people/<int:pk>/deactivate", people.deactivate, name="deactivate"),
    path("people/<int:pk>/reactivate", people.reactivate, name="reactivate"),
    path("people/<int:pk>/role", people.change_role, name="change-role"),
    path("people/<int:pk>/reset-link", people.reset_link, name="reset-link"),
]
