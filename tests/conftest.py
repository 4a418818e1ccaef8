"""What every test gets."""

import os
import signal

from hypothesis import HealthCheck, settings

# One profile everywhere: no deadlines, because a shared machine is slow at random; examples kept sane,
# because laws run in CI.
# Nor may making examples be called too slow, for the same reason.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("default", deadline=None, max_examples=100, suppress_health_check=_SLOW)
settings.register_profile("thorough", deadline=None, max_examples=5000, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# What a shell starts in the background ignores Ctrl-C, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["real_postgres"]  # fixtures for whoever needs a database server
