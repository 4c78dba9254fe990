"""The ports on AWS. One module per service; they translate, and decide nothing.

clients     makes every SDK client, paces it and counts what it does: the only module that knows aioboto3
errors      says what each failure of AWS means for the caller
table       keys and items of the one DynamoDB table; dynamodb makes its calls, and facts, outcomes, executions, leases
            and tasks are the ports on it
datasync, logs, sqs, s3   one service each
setup       makes the table and the queue
"""
