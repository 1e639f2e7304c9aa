"""A set of samples on disk: built, read, looked at, cut for training."""
