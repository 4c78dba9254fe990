"""The operations of a person: look at executions and files, release, discard, replay."""
