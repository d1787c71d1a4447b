"""Files of a tenant as answers: named, and kept by nobody on the way."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

PDF = "application/pdf"


def pdf(content: bytes, name: str, *, is_shown: bool) -> HttpResponse:
    """Return a PDF to be shown where it is opened, or to be saved under its name."""
    answer = HttpResponse(content, content_type=PDF)
    disposition = content_disposition_header(as_attachment=not is_shown, filename=name)
    answer["Content-Disposition"] = disposition or "inline"
    answer["Cache-Control"] = "private, no-store"
    return answer
