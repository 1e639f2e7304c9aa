"""Time and memory of files, each measured in a process of its own."""
