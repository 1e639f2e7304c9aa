"""The command line ``edge-sdk``: parse, call the library, render.

Reading order: ``app`` (all commands), one command, such as ``commands/convert``, and what commands
share: ``shared/console`` (tables, progress, JSON), ``shared/model_argument``.
"""

from __future__ import annotations

import errno
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; a user's error becomes one line on stderr and exit status 2."""
    try:
        status = _run()
    except KeyboardInterrupt:
        # Imports can be interrupted too: they are the longest part of a short command.
        print("stopped; nothing half-written was left", file=sys.stderr)  # noqa: T201
        status = 130
    sys.exit(status)


def _run() -> int:
    import typer

    from edge_sdk.cli.app import app
    from edge_sdk.cli.shared.console import json_alone_on_stdout
    from edge_sdk.cli.shared.renamed_options import renamed_option
    from edge_sdk.errors import EdgeSdkError

    if os.environ.get("NO_COLOR"):
        import typer.rich_utils

        typer.rich_utils.COLOR_SYSTEM = None
    try:
        with json_alone_on_stdout("--json" in sys.argv):
            status = app(standalone_mode=False)
    except EdgeSdkError as error:
        return _fail(str(error))
    except typer.TyperException as error:
        unknown = f"{error.format_message().rstrip('.')}; see `edge-sdk --help`"
        return _fail(renamed_option(error) or unknown)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EPIPE):
            raise
        # What is left in the buffer would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"the output cannot be written ({error.strerror})")
    except typer.Abort:
        raise KeyboardInterrupt from None
    return status if isinstance(status, int) else 0


def _fail(message: str) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)  # noqa: T201
    return 2
