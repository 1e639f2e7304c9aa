from __future__ import annotations

import pytest

from edge_sdk.cli.shared.renamed_options import RENAMED_OPTIONS
from tests.cli.command_line import Run


@pytest.mark.parametrize(("command", "old"), sorted(RENAMED_OPTIONS))
def test_an_old_option_is_answered_with_the_new_one(run: Run, command: str, old: str) -> None:
    new = RENAMED_OPTIONS[command, old]
    answer = f"error: '{old}' has another name now; write '{new}'"
    for written in ((old, 1), (f"{old}=1",)):
        outcome = run(command, "sr_x2_y", *written)
        assert (outcome.status, outcome.error_line) == (2, answer)
    shown = run(command, "--help").out
    assert new in shown
    assert old not in shown


def test_an_old_option_of_another_command_is_unknown(run: Run) -> None:
    line = run("zoom", "frame.png", "--shrink", 1).error_line
    assert "No such option: --shrink" in line
