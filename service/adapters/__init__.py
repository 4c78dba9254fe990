"""Adapters: the ports on the outside world."""
