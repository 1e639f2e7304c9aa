"""The page of a zoomed burst."""
