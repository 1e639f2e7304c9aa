"""What commands share: options, the console, stopping."""
