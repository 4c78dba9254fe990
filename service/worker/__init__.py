"""The worker: components that do one tick at a time, one loop that repeats them, a supervisor that starts and stops."""
