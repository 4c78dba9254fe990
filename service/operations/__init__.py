"""What a person asks for: look at executions and files, release, discard, replay."""
