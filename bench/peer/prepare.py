"""Make dj-stripe's endpoint row, directly and without its API. Prints the address.

Run as `python -m bench.peer.prepare SECRET` with the peer's environment.
"""

import os
import sys
import uuid

import django


def main(secret: str) -> str:
    """Store the endpoint; return the path that deliveries go to."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.peer.settings"
    django.setup()
    from djstripe.models import WebhookEndpoint

    key = uuid.uuid4()
    WebhookEndpoint.objects.create(
        id=f"we_{key.hex}",
        livemode=False,
        url="https://till.example/stripe/webhook/",
        secret=secret,
        status="enabled",
        enabled_events=["*"],
        djstripe_uuid=key,
        stripe_data={},
    )
    return f"/stripe/webhook/{key}/"


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1]) + "\n")
