"""How an execution is run: its turn, its statuses, its parts."""
