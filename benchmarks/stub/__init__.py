"""The operations of AWS that one execution needs, served on loopback. It counts requests and accepts all of them.

http        a minimal HTTP server, because it runs on the same cores as the measured process
aws         the operations by name; those of DataSync, CloudWatch Logs and SQS
table       DynamoDB
bucket      S3's listing
"""
