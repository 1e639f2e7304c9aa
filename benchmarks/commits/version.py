"""An installed version of edge-sdk: runs of its command line, alone and in batches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from commits.inputs import write_recipes

BATCH = """
import json, os, sys
from edge_sdk.cli import main
for folder, sys.argv in json.loads(sys.argv[1]):
    os.makedirs(folder)
    os.chdir(folder)
    with open("stdout.json", "w") as sys.stdout, open("stderr.txt", "w") as sys.stderr:
        try:
            status = main()
        except SystemExit as end:
            status = end.code
        except BaseException as error:
            status = f"crash: {error!r}"
    with open("status.txt", "w") as file:
        file.write(str(status))
"""
THREADS = ("OMP", "MKL", "OPENBLAS", "TF_INTRAOP", "TF_INTEROP")


@dataclass(frozen=True)
class Version:
    """An installed edge-sdk: the interpreter that has it, and the folder where it works."""

    python: Path
    folder: Path

    def ensure(self, batch: str, cases: dict[str, list[str]], stamp: str) -> None:
        """Run the cases of a batch, unless the same ones are there from an earlier run."""
        place = self.folder / batch
        done, wanted = place / "done.json", json.dumps([str(self.python), stamp, cases])
        if done.is_file() and done.read_text() == wanted:
            return
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        calls = json.dumps([(str(place / name), call) for name, call in cases.items()])
        command, begin = [str(self.python), "-P", "-c", BATCH, calls], perf_counter()
        with (place / "log.txt").open("w") as log:
            run = subprocess.run(command, env=environment(1, place), stdout=log, stderr=log)
        if batch == "models":
            self.write_recipes()
        if run.returncode == 0:
            done.write_text(wanted)
        seconds = perf_counter() - begin
        print(f"{self.folder.name}, {batch}: {seconds:.0f} s", file=sys.stderr, flush=True)

    def write_recipes(self) -> None:
        """Write the recipes, spelled as the shipped one that the version lists first."""
        path = self.folder / "models" / "list" / "stdout.json"
        if not path.is_file():
            raise SystemExit(f"{self.python} has no edge-sdk; see {self.folder}/models/log.txt")
        listed = json.loads(path.read_text())
        is_american = "optimizer:" in Path(listed[0]["recipe"]).read_text(encoding="utf-8")
        write_recipes(self.folder / "recipes", is_american)

    def cost(self, program: str, call: list[str], count: int, folder: Path) -> tuple[float, float]:
        """CPU and wall seconds of a process that may use ``count`` threads."""
        command, begin = [str(self.python), "-P", "-c", program, *call], perf_counter()
        variables, nowhere = environment(count, folder), subprocess.DEVNULL
        with subprocess.Popen(command, env=variables, cwd=folder, stdout=nowhere) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{self.folder.name}: {' '.join(call) or program} failed")
        return usage.ru_utime + usage.ru_stime, perf_counter() - begin


def environment(count: int, folder: Path) -> dict[str, str]:
    """Variables with so many threads, and a cache that no other version writes to."""
    # From PYTHONPATH both interpreters would take the same package.
    outer = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    own = {f"{name}_NUM_THREADS": str(count) for name in THREADS}
    return outer | own | {"XDG_CACHE_HOME": str(folder / ".cache"), "COLUMNS": "200"}
