"""What a network is trained for, one task a file."""
