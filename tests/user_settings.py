"""What a program has set of warnings and logging, to be compared before and after a call."""

from __future__ import annotations

import logging
import os
import sys
import warnings

OWN_LOGGER = "torch.__trace"
"""Loses its handler, which waits for its first message, by torch's own hand."""


def user_settings() -> dict[str, object]:
    """Filters of warnings, every logger there is, and our share of the environment."""
    loggers = {
        name: logger
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and name != OWN_LOGGER
    }
    return {
        "filters": list(warnings.filters),
        "showwarning": warnings.showwarning,
        "formatwarning": warnings.formatwarning,
        "threshold": logging.root.manager.disable,
        "streams": (sys.stdout, sys.stderr),
        "environment": {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PL_", "TF_", "VK_"))
        },
        **{
            f"logger {name}": (
                logger.level, logger.handlers[:], logger.filters[:], logger.propagate,
                logger.disabled,
            )
            for name, logger in {"root": logging.root, **loggers}.items()
        },
    }  # fmt: skip


def changed(before: dict[str, object]) -> dict[str, object]:
    """What differs now; loggers that came since are the business of those who made them."""
    now = user_settings()
    return {name: (value, now[name]) for name, value in before.items() if now[name] != value}
