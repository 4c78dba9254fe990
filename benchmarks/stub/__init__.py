"""Just enough of AWS for one execution, in a process of its own on loopback: it counts requests and refuses nothing.

http        a server as thin as HTTP allows: it takes its share of the cores that the measured process runs on
aws         which operation is answered by what; DataSync, CloudWatch Logs and SQS, which need little
table       DynamoDB
bucket      S3's listing
"""
