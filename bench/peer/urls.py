"""dj-stripe's own addresses, mounted as its documentation says."""

from django.urls import include, path

urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]
