"""What a run trains on: loaders, and features computed once."""
