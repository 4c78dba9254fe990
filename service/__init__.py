"""Publishes the files that AWS DataSync has moved to S3 and verified, once their execution succeeded."""

__version__ = "0.1.0"
