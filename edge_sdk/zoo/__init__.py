"""What ships, and any model by its name, its file, or the callable that makes it."""
