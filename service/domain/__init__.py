"""Decisions: pure functions and immutable values, without clocks, I/O or logging."""
