"""What child processes of tests inherit."""

import os


def unmeasured() -> dict[str, str]:
    """Return our environment without coverage's, whose plugin imports Django in every child."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
