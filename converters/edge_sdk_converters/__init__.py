"""Converters from PyTorch to ExecuTorch, Core ML and TFLite."""
