"""The ports in dicts: for tests, and to read what each port means without AWS in the way.

Everything is public and may be filled or inspected between calls. One contract suite holds these and the AWS adapters
to the same promises.
"""
