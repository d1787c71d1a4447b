"""Mounting views: with and without a trailing slash, and on both spellings of a tenant's path."""

from django.urls import URLPattern, path
from rest_framework.views import APIView


def endpoint(route: str, view: type[APIView], *, name: str | None = None) -> list[URLPattern]:
    """Mount a view at `route` and at `route/`; neither redirects, so no body is ever dropped."""
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view())]


def tenant_endpoint(
    route: str, view: type[APIView], *, name: str | None = None
) -> list[URLPattern]:
    """Mount a view at `billing/{route}` and at `billing/tenants/{tenant_id}/{route}`.

    `reverse` finds the short spelling by `name`, the long one by `tenant-{name}`.
    """
    return [
        *endpoint(f"billing/{route}", view, name=name),
        *endpoint(f"billing/tenants/<str:tenant_id>/{route}", view, name=name and f"tenant-{name}"),
    ]
