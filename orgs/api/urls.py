"""Addresses of accounts, below `/api/v1/`."""

from orgs.api import accounts, keys, members
from orgs.api.routes import endpoint

urlpatterns = [
    *endpoint("auth/register", accounts.RegisterView, name="register"),
    *endpoint("auth/token", accounts.TokenView, name="token"),
    *endpoint("auth/token/refresh", accounts.TokenRefreshView, name="token-refresh"),
    *endpoint("me", accounts.MeView, name="me"),
    *endpoint("orgs/<str:tenant_id>/members", members.MembersView, name="members"),
    *endpoint("orgs/<str:tenant_id>/members/<str:member_id>", members.MemberView, name="member"),
    *endpoint("orgs/<str:tenant_id>/api-keys", keys.ApiKeysView, name="api-keys"),
    *endpoint("orgs/<str:tenant_id>/api-keys/<str:key_id>", keys.ApiKeyView, name="api-key"),
]
