"""A real transfer: list, compare, copy, verify."""
