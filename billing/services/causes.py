"""Who or what set a change off, as the interfaces say it."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from billing.types import Cause
from orgs import trace


def of_request() -> Cause:
    """Return the request that runs right now: its trace id leads to what the log has of it."""
    return Cause("request", id=trace.get_trace_id())


def of_staff(user: AbstractBaseUser | AnonymousUser) -> Cause:
    """Return a member of staff, who has signed in to the back office."""
    return Cause("staff", id=str(user.pk))
