"""HTTP and the protocols that SDKs speak over it."""
