"""DataSync's operations, independent of the protocol and of the transfer."""
