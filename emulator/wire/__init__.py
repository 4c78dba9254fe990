"""HTTP and the protocols that SDKs use over it."""
