"""Task reports: the files about each item that DataSync writes to S3 after an execution."""
