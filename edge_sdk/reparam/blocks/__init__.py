"""Multi-branch blocks: their branches, presets, and the composed kernel."""
