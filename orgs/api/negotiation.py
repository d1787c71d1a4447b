"""Which format an answer has."""

from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation


class FirstFormatNegotiation(DefaultContentNegotiation):
    """Answers in the view's first format when the caller asks for one that there is not.

    An EventSource asks for a stream and a browser for a page: both can read the JSON of an error.
    """

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        """Pick the caller's choice if there is one."""
        renderers = list(renderers)
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            return renderers[0], renderers[0].media_type
