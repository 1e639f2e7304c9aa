"""Training: recipes and the runs they describe."""
