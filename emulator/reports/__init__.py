"""Task reports: what DataSync writes to S3 about each file after an execution."""
