"""What the product knows about seals and their use: pure, no I/O, no clock."""
