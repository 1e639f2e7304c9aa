"""The page of a fused model."""
