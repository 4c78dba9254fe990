"""The deliberate mistakes, by the part of the service in which they are made."""
