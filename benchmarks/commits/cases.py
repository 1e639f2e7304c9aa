"""The commands that each version runs, and the batches that share a process."""

from __future__ import annotations

import re
from itertools import product

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
quantize ranges: quantize sr_x2_y -c {inputs}/photos --size 32x32 -o q.safetensors
quantize tuned: quantize sr_x2_rgb -c {inputs}/photos --size 32x32 --tune 4
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
