"""The running worker: its loops, and how they start and stop."""
