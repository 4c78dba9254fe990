"""Executions over millions of files that exist nowhere."""
