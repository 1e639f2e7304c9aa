"""The command line ``edge-sdk``: parse, call the library, render."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a user's error becomes one line on stderr and exit status 2."""
    import typer

    from edge_sdk.cli.app import app
    from edge_sdk.cli.console import results_alone
    from edge_sdk.errors import EdgeSdkError

    try:
        with results_alone("--json" in sys.argv):
            status = app(standalone_mode=False)
    except EdgeSdkError as error:
        status = _fail(str(error))
    except typer.TyperException as error:
        status = _fail(f"{error.format_message().rstrip('.')}; see `edge-sdk --help`")
    except (KeyboardInterrupt, typer.Abort):
        print("stopped; nothing half-written was left", file=sys.stderr)  # noqa: T201
        status = 130
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)  # noqa: T201
    return 2
