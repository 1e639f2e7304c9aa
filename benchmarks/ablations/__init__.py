"""What the ablation compares, how a run of it goes, and its page."""
