"""A service that sends one SQS message for each file that AWS DataSync has copied to S3 and verified.

It sends them after the file's execution has succeeded.
"""

__version__ = "0.1.0"
