"""Two installed versions of edge-sdk on the same inputs: are pictures, weights and files the same?

    python benchmarks/two_commits.py --before OLD/bin/python --after NEW/bin/python --table FILE.md

Both are driven through their command line alone, on one thread, with bursts that the first one
simulates from a photograph of scikit-image. Commands that need the same libraries run one after
the other in one process, each in a folder of its own, the caches empty at the start. What the first
version wrote is kept in ``--work DIR``, and the next run repeats the second version alone; give
another folder when the first version or a recipe changes. Recipes are spelled as a version's own
shipped ones.
The status is 1 if anything differs. Needs the extras coreml and examples where it runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import skimage.data

CASES = """
models list: models
simulate plain: simulate {inputs}/scene.png --frames 4 --seed 3
simulate moving: simulate {inputs}/scene.png --frames 4 --object 0.05 --parallax 1.5
simulate night: simulate {inputs}/scene.png --frames 4 --bayer --white-balance 2,1.6 {night}
zoom network: zoom {burst}
zoom none-x{scale}: zoom {burst} --model none --scale {scale}
zoom crop: zoom {burst} --crop 20,10,64,48
zoom luma: zoom {burst} --model sr_x2_y
zoom options: zoom {burst} --model none --reference 1 --noise 6 --lens 0.5
zoom one-frame: zoom {inputs}/burst/00.png
zoom grey: zoom {grey}
zoom 16-bits: zoom {deep}
pictures enhance-{model}: enhance {inputs}/photos --model {model}
pictures evaluate-x2: evaluate sr_x2_y sr_x2_rgb --data {inputs}/photos
pictures evaluate-x4: evaluate sr_x4_y --data {inputs}/photos
pictures evaluate-denoising: evaluate denoise_rgb --data {inputs}/photos --sigma 25
pictures lint: lint sr_x2_y --pictures {inputs}/photos
pictures pairs: pairs {inputs}/far {inputs}/near
train {recipe}: train --config ../../recipes/{recipe}.yaml --data {inputs} -o run
fuse {model}: fuse {model}
fuse sr_x2_y-uniform-2: fuse sr_x2_y --select uniform:2
fuse trained: fuse {trained}
fuse trained-uniform-2: fuse {trained} --select uniform:2
fuse trained-by-type: fuse {trained} --group by-type
quantize ranges: quantize sr_x2_y -c {inputs}/photos --size 32x32 --cuts 8 -o q.safetensors
quantize tuned: quantize sr_x2_rgb -c {inputs}/photos --size 32x32 --cuts 8 --tune 4
executorch {model}-{pte}: convert {model} -t executorch -p {pte} {size} -o m.pte
executorch own-ranges: convert {own} -t executorch -p int8 {size} -o m.pte
executorch verify: verify sr_x2_y ../sr_x2_y-fp32/m.pte ../sr_x2_y-int8/m.pte
coreml {model}-{package}: convert {model} -t coreml -p {package} {size} -o m.mlpackage
coreml own-ranges: convert {own} -t coreml -p int8 {size} -o m.mlpackage
coreml verify: verify sr_x2_y ../sr_x2_y-fp16/m.mlpackage ../sr_x2_y-int8/m.mlpackage
tflite {model}-{tflite}: convert {model} -t tflite -p {tflite} {size} -o m.tflite
tflite own-ranges: convert {own} -t tflite -p int8 {size} -o m.tflite
tflite verify: verify sr_x2_y ../sr_x2_y-fp32/m.tflite ../sr_x2_y-int8/m.tflite
runtimes {target}: zoom {burst} --runtime {target}
stages tflite-{coded}: stages -t tflite -p {coded}
"""
"""Batch, name and command, for all values of CHOICES; paths start from the case's folder."""
CHOICES = {
    "model": ("burst_zoom_x2", "denoise_rgb", "sr_x2_rgb", "sr_x2_y", "sr_x4_y"),
    "recipe": ("luma", "int8", "burst"),
    "target": ("tflite", "executorch", "coreml"),
    "scale": ("1", "2", "3", "4"),
    "pte": ("fp32", "int8"),
    "package": ("fp32", "fp16", "int8", "w8", "palette"),
    "tflite": ("fp32", "fp16", "int8", "int8-float-io"),
    "coded": ("fp32", "int8"),
}
QUICK = re.compile(r"(executorch|coreml|tflite) (?!sr_x2_y|own|verify)|runtimes|stages")
"""What --quick leaves out."""
INPUTS = "../../../inputs"
SHORT = {
    "inputs": INPUTS,
    "own": "../../quantize/ranges/q.safetensors",
    "trained": "../../train/luma/run/model.safetensors",
    "size": "--size 48x64",
    "night": "--analog-gain 16 --jpeg 93 --path walk --readout 0.6",
    **{
        kind: " ".join(f"{INPUTS}/{kind}/0{index}.png" for index in range(4))
        for kind in ("burst", "grey", "deep")
    },
}
FRAME = (212, 136)
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
PHOTOS = {name: {"folder": "photos"} for name in ("train", "validation")}
CONVS = [{"kind": "conv", "kernels": [3, 1], "widths": [16]}, {"kind": "conv", "kernels": [1]}]
BRANCHES = [*CONVS, {"kind": "identity"}]
NETWORK = {"colour": "rgb", "widths": [8, 8], "skips": [[0, 1]], "branches": BRANCHES}
RECIPES: dict[str, dict[str, Any]] = {
    "luma": {"model": {"colour": "y"}},
    "int8": {"phases": {"fake_quantised_steps": 3}},
    "burst": {"model": {"task": "burst-zoom"}, "data": {"bursts": {"count": 4}}},
}
LEFT_OUT = re.compile(r"(^|/)(status\.txt|stderr\.txt|\.lock|last\.ckpt)$")
UNTOLD = re.compile(r"seconds$|_m?s$|^recipe$")
"""Keys of JSON that say when or where."""
SPELLINGS = (
    ("(quant|optim|normal|palett|initial|recogn|parameter|minim)is", r"\1iz"),
    ("(col|neighb)our", r"\1or"),
    ("grey", "gray"),
    ("centre", "center"),
    ("centerd", "centered"),
)
THREADS = ("OMP", "MKL", "OPENBLAS", "TF_INTRAOP", "TF_INTEROP")
CALL = "from edge_sdk.cli import main; main()"
HELP: tuple[str, list[str]] = (CALL, ["--help"])


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
        say(f"{self.folder.name}, {batch}: {perf_counter() - begin:.0f} s")

    def write_recipes(self) -> None:
        """Write the recipes, spelled as the shipped one that the version lists first."""
        path = self.folder / "models" / "list" / "stdout.json"
        if not path.is_file():
            raise SystemExit(f"{self.python} has no edge-sdk; see {self.folder}/models/log.txt")
        listed = json.loads(path.read_text())
        is_american = "optimizer:" in Path(listed[0]["recipe"]).read_text(encoding="utf-8")
        (self.folder / "recipes").mkdir(exist_ok=True)
        for name, own in RECIPES.items():
            recipe = {"optimiser": {"steps": 8, "learning_rate": 1e-3}, "validate_every": 4, **own}
            recipe["model"] = NETWORK | own.get("model", {})
            recipe["data"] = PHOTOS | {"patch_px": 24, "batch": 2} | own.get("data", {})
            text = json.dumps(american(recipe) if is_american else recipe)
            (self.folder / "recipes" / f"{name}.yaml").write_text(text)

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="Python of the first version")
    parser.add_argument("--after", type=Path, required=True, help="Python of the second version")
    parser.add_argument("--table", type=Path, help="Markdown file to write instead of printing")
    parser.add_argument("--work", type=Path, help="folder to keep the first version's results in")
    parser.add_argument("--quick", action="store_true", help="convert one model, and no stages")
    parser.add_argument("--rounds", type=int, default=5, help="of timing; 0 for none [5]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = (arguments.work or Path(scratch)).absolute()
        before = Version(arguments.before.absolute(), work / "before")
        after = Version(arguments.after.absolute(), work / "after")
        shutil.rmtree(after.folder, ignore_errors=True)
        rows = list(compared(before, after, work / "inputs", arguments.quick))
        costs = timed((before, after), work / "inputs" / "burst", arguments.rounds)
    differing = sum("**" in row for row in rows)
    text = PAGE.format(rows="\n".join(rows), differing=differing, count=len(rows))
    if costs:
        text += COSTS.format(rows="\n".join(costs), rounds=arguments.rounds)
    if arguments.table:
        arguments.table.write_text(text, encoding="utf-8")
    else:
        print(text)
    if differing:
        raise SystemExit(1)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def environment(count: int, folder: Path) -> dict[str, str]:
    """Variables with so many threads, and a cache that no other version writes to."""
    own = {f"{name}_NUM_THREADS": str(count) for name in THREADS}
    return os.environ | own | {"XDG_CACHE_HOME": str(folder / ".cache"), "COLUMNS": "200"}


def compared(before: Version, after: Version, inputs: Path, quick: bool) -> Iterator[str]:
    """Rows of the table."""
    stamp = write_photographs(inputs)
    for batch, cases in batches(quick).items():
        for version in (before, after):
            version.ensure(batch, cases, stamp)
        if batch == "simulate":
            stamp = write_bursts(before.folder / "simulate" / "plain" / "burst", inputs)
        for name in cases:
            how, result = compare(*(each.folder / batch / name for each in (before, after)))
            row = f"| {batch} | {name} | {how} | {result.replace('|', '/')} |"
            if "**" in row:
                say(row)
            yield row


def batches(quick: bool) -> dict[str, dict[str, list[str]]]:
    """Arguments of every case, by the batch that it runs in."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in CASES.strip().splitlines():
        chosen = {key: values for key, values in CHOICES.items() if f"{{{key}}}" in line}
        for values in product(*chosen.values()):
            title, call = line.format(**SHORT, **dict(zip(chosen, values, strict=True))).split(": ")
            batch, name = title.split()
            if not (quick and QUICK.match(title)):
                found.setdefault(batch, {})[name] = ["edge-sdk", *call.split(), "--json"]
    return found


def write_photographs(inputs: Path) -> str:
    """Write cuts of scikit-image's photographs; returns what tells them from others."""
    (inputs / "photos").mkdir(parents=True, exist_ok=True)
    for name in ("astronaut", "chelsea", "coffee"):
        photo = getattr(skimage.data, name)()[100:196, 100:228, ::-1]
        cv2.imwrite(str(inputs / "photos" / f"{name}.png"), photo)
    cv2.imwrite(str(inputs / "scene.png"), skimage.data.coffee()[:310, 100:580, ::-1])
    return digest([*inputs.glob("photos/*"), inputs / "scene.png"])


def write_bursts(burst: Path, inputs: Path) -> str:
    """Write the simulated frames, cut to one size: in colour, in grey, in 16 bits, as a scene."""
    width, height = FRAME
    fine = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint16)
    for path in burst.glob("frames/*.png"):
        frame = cv2.imread(str(path))[:height, :width]
        grey, deep = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), frame.astype(np.uint16) * 256 + fine
        for kind, picture in (("burst", frame), ("grey", grey), ("deep", deep), ("far/a", frame)):
            (inputs / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(inputs / kind / path.name), picture)
    (inputs / "near").mkdir(exist_ok=True)
    shutil.copy(burst / "truth" / "00.png", inputs / "near" / "a.png")
    return digest([*inputs.rglob("*.png")])


def digest(paths: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(paths))).hexdigest()


def compare(before: Path, after: Path) -> tuple[str, str]:
    """How the results of a case were compared, and whether they differ."""
    files = [
        {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        for folder in (before, after)
    ]
    states = [each["status.txt"].read_text() if "status.txt" in each else "crash" for each in files]
    if states[0] != states[1] or not states[1].isdigit():
        return "status", f"**differs**: {' → '.join(states)}"
    if states[0] == "2":
        words = [american(each["stderr.txt"].read_text().strip()) for each in files]
        verdict = "same" if words[0] == words[1] else "**differs**"
        return "message of the refusal", f"{verdict}: {words[1].rpartition(chr(10))[2]}"
    names = sorted(name for name in files[0] | files[1] if not LEFT_OUT.search(name))
    differing, respelled = [], []
    for name in names:
        if not all(name in each for each in files):
            differing.append(f"{name} only {'before' if name in files[0] else 'after'}")
            continue
        first, second = (read(each[name]) for each in files)
        places = list(differences(american(first), american(second)))
        if places:
            more = f" and {len(places) - 3} more" * (len(places) > 3)
            differing.append(f"{name} {', '.join(places[:3])}{more}")
        elif first != second:
            respelled.append(name)
    result = f"**differs**: {'; '.join(differing)}" if differing else "same"
    result += f"; respelled: {', '.join(respelled)}" if respelled else ""
    suffixes = {Path(name).suffix for name in names}
    return ", ".join(sorted(WAYS.get(each, f"{each} bytes") for each in suffixes)), result


WAYS = {
    ".json": "JSON but times",
    ".png": "pixels and .png bytes",
    ".safetensors": "tensor bits, metadata",
    ".mlmodel": ".mlmodel but date and order",
}


def read(path: Path) -> Any:
    """What of a file is compared: JSON-like values with bytes in them."""
    content = path.read_bytes()
    if path.name == "Manifest.json":  # Its identifiers are drawn.
        return sorted(item["path"] for item in json.loads(content)["itemInfoEntries"].values())
    if path.suffix == ".json":
        return json.loads(content or "null", object_pairs_hook=told)
    if path.suffix == ".safetensors":
        return tensors(content)
    if path.suffix == ".mlmodel":
        return program(content)
    if path.suffix == ".png":
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        return {"pixels": [picture.shape, picture.tobytes()], "sha256": digest([path])}
    return content


def told(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON without the keys that say when or where."""
    return {key: value for key, value in pairs if not UNTOLD.search(key)}


def tensors(content: bytes) -> dict[str, Any]:
    """Type, shape and bytes of each tensor of a .safetensors file, and its metadata."""
    start = 8 + struct.unpack_from("<Q", content)[0]
    header = json.loads(content[8:start])
    metadata = header.pop("__metadata__", {}).items()
    for entry in header.values():
        low, high = entry.pop("data_offsets")
        entry["values"] = content[start + low : start + high]
    return {
        **header,
        "__metadata__": {key: json.loads(v) if v[0] in "[{" else v for key, v in metadata},
    }


def program(content: bytes) -> bytes:
    """A Core ML program without its date and in a fixed order: its maps are written in any."""
    from coremltools.proto import Model_pb2

    model = Model_pb2.Model()
    model.ParseFromString(content)
    model.description.metadata.userDefined.pop("com.github.apple.coremltools.conversion_date", "")
    return bytes(model.SerializeToString(deterministic=True))


def american(value: Any) -> Any:
    """The value with American spelling in all its texts."""
    if isinstance(value, dict):
        return {american(key): american(part) for key, part in value.items()}
    if isinstance(value, list):
        return [american(part) for part in value]
    if isinstance(value, str):
        for pattern, replacement in SPELLINGS:
            value = re.sub(pattern, replacement, value)
    return value


def differences(first: Any, second: Any, place: str = "") -> Iterator[str]:
    """Where two values differ, each with its figures."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted(first | second):
            yield from differences(first.get(key), second.get(key), f"{place}.{key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, parts in enumerate(zip(first, second, strict=True)):
            yield from differences(*parts, f"{place}[{index}]")
    elif isinstance(first, bytes) and isinstance(second, bytes):
        if first != second:
            yield f"{place} {bytes_apart(first, second)}".strip()
    elif first != second:
        texts = [str(value) for value in (first, second)]
        start = next((i for i, pair in enumerate(zip(*texts, strict=False)) if len({*pair}) > 1), 0)
        shown = " → ".join(text[max(start - 12, 0) : start + 50] for text in texts)
        yield f"{place} {shown}".strip()


def bytes_apart(first: bytes, second: bytes) -> str:
    """How many bytes differ, by how much, and which names stand in one of the two alone."""
    names = [set(re.findall(rb"[A-Za-z_][\w./:;-]{5,}", content)) for content in (first, second)]
    only = b" ".join(sorted(names[0] ^ names[1])[:4]).decode()
    if len(first) != len(second):
        return f"{len(first)} → {len(second)} bytes, names: {only or 'same'}"
    one, two = (np.frombuffer(content, np.uint8).astype(int) for content in (first, second))
    apart = abs(one - two)
    count = f"{np.count_nonzero(apart)} of {len(first)} bytes from {apart.nonzero()[0][0]} on"
    return f"{count}, by at most {apart.max()}, names: {only or 'same'}"


def timed(versions: tuple[Version, Version], frames: Path, rounds: int) -> list[str]:
    """Rows of the table of times; the versions take turns."""
    zoom = ["zoom", *(str(frames / f"0{index}.png") for index in (0, 1))]
    programs = {"import torch": ("import torch", []), "zoom": (CALL, zoom), "--help": HELP}
    taken: dict[tuple[str, int], tuple[list[float], list[float]]]
    taken = {key: ([], []) for key in product(programs, (1, 2))}
    with tempfile.TemporaryDirectory() as folder:
        for turn, (name, count) in product(range(rounds), taken):
            for side in (0, 1) if turn % 2 else (1, 0):
                cpu, wall = versions[side].cost(*programs[name], count, Path(folder))
                taken[name, count][side].append(wall if name == "--help" else cpu)
    rows = []
    for (name, count), sides in taken.items() if rounds else ():
        old, new = map(statistics.median, sides)
        kind = "wall" if name == "--help" else "CPU"
        rows.append(f"| `{name}`, {kind} | {count} | {old:.2f} s | {new:.2f} s | {new / old:.3f} |")
        if name == "zoom":
            bases = map(statistics.median, taken["import torch", count])
            old, new = (cost / base for cost, base in zip((old, new), bases, strict=True))
            rows.append(
                f"| over `import torch` | {count} | {old:.2f} | {new:.2f} | {new / old:.3f} |"
            )
    return rows


PAGE = """# Two versions of edge-sdk on the same inputs

{differing} of {count} cases differ. Both versions ran through their command line on one thread, on
bursts that the first one simulated from a photograph of scikit-image, and on cuts of three others;
`python benchmarks/two_commits.py --before PYTHON --after PYTHON --table FILE` makes this page anew.

Files are compared byte for byte, also ExecuTorch's and TFLite's with their seals, but for what two
runs of one version write differently:

- JSON is compared without times and without the folder that a recipe lies in;
- the metadata of `.safetensors` files is compared key by key, since its order changes;
- Core ML's tools put a date into the program (`.mlmodel`), write its maps in any order, and draw
  the identifiers of `Manifest.json`: these are left out, and the maps sorted. Weights are compared
  byte for byte;
- checkpoints to resume from are left out: they hold Python objects.

`respelled` names JSON and metadata whose keys or words are the same but for British and American
spelling. A refusal is the same if both versions end with status 2 and the same message.

| batch | case | compared by | result |
|---|---|---|---|
{rows}
"""
COSTS = """
## Time

Medians of {rounds} rounds in which the versions took turns, each time in a fresh process: `zoom` of
two frames of 212×136 px, `import torch` by the same interpreter, and `--help`.

| process | threads | before | after | after / before |
|---|---|---|---|---|
{rows}
"""


if __name__ == "__main__":
    main()
