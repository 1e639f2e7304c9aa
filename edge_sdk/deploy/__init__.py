"""What one does to a model by name: prepare, quantize, compare, lint, enhance."""
