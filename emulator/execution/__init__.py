"""Runs of executions: queueing, statuses, setup."""
