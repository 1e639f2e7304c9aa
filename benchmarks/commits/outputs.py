"""Whether two versions wrote the same: files read as what is compared, and their differences."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from commits.inputs import digest
from commits.spelling import american

LEFT_OUT = re.compile(r"(^|/)(status\.txt|stderr\.txt|\.lock|last\.ckpt)$")
UNTOLD = re.compile(r"seconds$|_m?s$|^recipe$")
"""Keys of JSON that say when or where."""
WAYS = {
    ".json": "JSON but times",
    ".png": "pixels and .png bytes",
    ".safetensors": "tensor bits, metadata",
    ".mlmodel": ".mlmodel but date and order",
}


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
