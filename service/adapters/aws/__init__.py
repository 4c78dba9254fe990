"""The ports on AWS. One file per service, and one per kind of item in the table."""
