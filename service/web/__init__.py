"""The HTTP server: health, readiness, metrics and the executions as JSON."""
