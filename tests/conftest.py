"""What holds for every test."""

from hypothesis import HealthCheck, settings

# A machine that is busy with other things is no failure, and neither is an example that took long to make.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
