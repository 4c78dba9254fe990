"""What the service tells of itself: log lines and metrics, both made from the worker's reports, and the HTTP paths.

events    says which line of the log a report is worth
logging   writes lines, ours and the libraries', so that each stays one line
metrics   all metrics, their names, units and labels
http      health, readiness, metrics and the executions as JSON
"""
