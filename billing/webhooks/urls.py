"""Every spelling of the webhook address; all reach the same view."""

from django.urls import re_path

from billing.webhooks import views

# `…/provider` is the unified address and `…/stripe` the canonical one; the two without the API's
# prefix are kept for endpoints that were registered at providers under older names.
urlpatterns = [
    re_path(r"^api/v1/billing/webhooks/(?P<provider>[a-z]+)/?$", views.receive, name="webhook"),
    re_path(
        r"^api/v1/billing/webhooks/(?P<provider>[a-z]+)/(?P<endpoint_id>[0-9A-Za-z-]{1,64})/?$",
        views.receive,
        name="webhook-endpoint",
    ),
    re_path(r"^stripe/webhooks/?$", views.receive, {"provider": "stripe"}),
    re_path(r"^webhooks/stripe/?$", views.receive, {"provider": "stripe"}),
]
