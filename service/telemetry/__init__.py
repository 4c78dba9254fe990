"""Metrics and log lines, both made from the worker's observations."""
