"""DataSync's operations, without the wire and without the transfer."""
