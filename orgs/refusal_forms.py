"""Forms that show why a service said no."""

from django import forms

from orgs.errors import DomainError


class ShowsRefusal(forms.Form):
    """A form that shows why a service said no."""

    def show_refusal(self, error: DomainError) -> None:
        """Put the reasons beside the fields they are about, what is about none above the form."""
        for name, reasons in error.fields.items():
            for reason in reasons:
                self.add_error(name if name in self.fields else None, reason)
        if not error.fields:
            self.add_error(None, error.message)
