"""Metrics and log lines, both derived from the worker's observations."""
