"""DataSync's log messages in both modes, and the CloudWatch Logs that store them."""
