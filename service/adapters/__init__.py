"""The worker's ports, kept: on AWS, and in memory."""
