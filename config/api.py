"""The API: everything below `/api/v1/`."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from orgs.api.routes import endpoint


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, for everybody."""

    authentication_classes = ()
    permission_classes = ()


class DocsView(SpectacularSwaggerSplitView):
    """The browsable document, for everybody; served by us, scripts apart from the page."""

    authentication_classes = ()
    permission_classes = ()
    url_name = "schema"


urlpatterns = [
    path("", include("orgs.api.urls")),
    path("", include("billing.api.urls")),
    path("", include("terminals.api.urls")),
    *endpoint("schema", SchemaView, name="schema"),
    *endpoint("docs", DocsView, name="docs"),
]
