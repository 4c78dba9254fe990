"""What the service knows and decides, without a clock, a network or a disk."""
