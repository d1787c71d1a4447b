"""Overrides for tests: the same settings, faster hashing, mail in memory."""

import os

os.environ.setdefault("TILL_ENV", "test")

from config.settings import *  # noqa: E402, F403 - the one place where everything is taken over
