"""Stages as files of other runtimes: written, read, run, and chosen by name."""
