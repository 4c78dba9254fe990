"""The phase PUBLISHING: plan, decide each file, look it up in S3, send its message, and store the progress."""
