"""Executions over millions of files that do not exist."""
