"""What DataSync writes to CloudWatch Logs, and where it goes."""
