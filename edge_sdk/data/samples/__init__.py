"""Samples that networks train on."""
