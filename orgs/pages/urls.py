"""Addresses of the pages of accounts."""

from django.urls import path

from orgs.pages import views

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
]
