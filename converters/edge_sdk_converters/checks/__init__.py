"""Checks that every conversion shares: request, shapes, factors, unsupported operators."""
