"""The command line ``edge-sdk``: parse, call the library, render.

Reading order: ``app`` (all commands), one command, such as ``commands/convert``, and what commands
share: ``shared/console`` (tables, progress, JSON), ``shared/model_argument``.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["main"]

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells give it."""


def main() -> None:
    """Run the command line; a user's error becomes one line on stderr and exit status 2."""
    with _noted_interruptions() as interruptions:
        try:
            status = _run()
        except KeyboardInterrupt:
            interruptions.append(signal.SIGINT)
            status = INTERRUPTED
        except Exception:
            # A package that is interrupted while it is imported may fail in a way of its own.
            if not interruptions:
                raise
            status = INTERRUPTED
    # Commands that can be resumed catch the signal themselves, and say how.
    if status == INTERRUPTED and interruptions:
        print("stopped; nothing half-written was left", file=sys.stderr)  # noqa: T201
    sys.exit(status)


@contextmanager
def _noted_interruptions() -> Iterator[list[int]]:
    """Ctrl-C raises KeyboardInterrupt as ever, and is kept in the list that this gives."""
    from edge_sdk.cli.shared.interruptions import noted

    noted.clear()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield noted
        return

    def interrupt(number: int, _: object) -> None:
        noted.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _run() -> int:
    import typer

    from edge_sdk.artifacts import coreml
    from edge_sdk.cli.app import app
    from edge_sdk.cli.shared.console import json_alone_on_stdout
    from edge_sdk.cli.shared.renamed_options import renamed_option
    from edge_sdk.errors import EdgeSdkError

    coreml.use_alone()
    if os.environ.get("NO_COLOR"):
        import typer.rich_utils

        typer.rich_utils.COLOR_SYSTEM = None
    # A name of a file that is no Unicode would end the command.
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with json_alone_on_stdout("--json" in sys.argv):
            status = app(standalone_mode=False)
    except EdgeSdkError as error:
        return _fail(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = "edge-sdk" if context is None else context.command_path
        unknown = f"{error.format_message().rstrip('.')}; see `{command} --help`"
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
