"""What every test gets."""

import os

from hypothesis import settings

# One profile everywhere: no deadlines, because a shared machine is slow at random; examples kept sane,
# because laws run in CI.
settings.register_profile("default", deadline=None, max_examples=100)
settings.register_profile("thorough", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

pytest_plugins = ["real_postgres"]  # fixtures for whoever needs a database server
