"""Addresses of the pages of accounts."""

from django.urls import path

from orgs.pages import invitations, keys, organizations, team, views

urlpatterns = [
    path("", views.HomePage.as_view(), name="home"),
    path("register", views.RegisterPage.as_view(), name="register-page"),
    path("login", views.SignInPage.as_view(), name="login"),
    path("logout", views.SignOut.as_view(), name="logout"),
    path("password-reset", views.ResetPage.as_view(), name="password-reset"),
    path("password-reset/sent", views.ResetSentPage.as_view(), name="password-reset-sent"),
    path(
        "password-reset/<str:uidb64>/<str:token>",
        views.ResetConfirmPage.as_view(),
        name="password-reset-confirm",
    ),
    path("password-reset/done", views.ResetDonePage.as_view(), name="password-reset-done"),
    path("invitations/open", invitations.InvitationPage.as_view(), name="invitation-open"),
    path("invitations/<str:token>", invitations.InvitationPage.as_view(), name="invitation"),
    path("organizations/switch", organizations.SwitchPage.as_view(), name="organization-switch"),
    path("settings/team", team.TeamPage.as_view(), name="team"),
    path("settings/team/<str:member_id>/role", team.RolePage.as_view(), name="team-role"),
    path("settings/team/<str:member_id>/resend", team.ResendPage.as_view(), name="team-resend"),
    path("settings/team/<str:member_id>/remove", team.RemovePage.as_view(), name="team-remove"),
    path("settings/api-keys", keys.KeysPage.as_view(), name="api-keys-page"),
    path("settings/api-keys/<str:key_id>/revoke", keys.RevokePage.as_view(), name="api-key-revoke"),
]
