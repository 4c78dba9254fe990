"""Leases, and the changes of executions under them."""
