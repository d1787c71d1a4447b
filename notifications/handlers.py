"""What happens to teams, as mail."""

from django.conf import settings
from django.urls import reverse

from notifications import catalog, services
from orgs.handlers import InvitationSent
from orgs.models import Role
from orgs.team import ROLE_MEANINGS


def mail_invitation(event: InvitationSent) -> None:
    """Queue the mail of an invitation; each time it is sent again is a mail of its own."""
    invitation = event.invitation
    role = Role(invitation.role)
    inviter = invitation.invited_by
    services.queue_message(
        organization=invitation.organization,
        kind=catalog.TEAM_INVITATION.kind,
        key=f"{invitation.pk}:{invitation.times_sent}",
        to=invitation.email,
        context={
            "organization": invitation.organization.name,
            "inviter": inviter.get_full_name() if inviter else "",
            "role": role.label,
            "may": ROLE_MEANINGS[role],
            "expires": f"{invitation.expires_at:%-d %B %Y}",
            "accept_url": f"{settings.PUBLIC_URL}{reverse('invitation', args=[event.token])}",
            "support_email": settings.SUPPORT_EMAIL,
        },
        now=event.now,
    )
