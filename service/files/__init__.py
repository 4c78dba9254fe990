"""The facts and outcomes of files, read from the table in path order."""
