"""What the table holds of each file, in path order: facts and outcomes."""
