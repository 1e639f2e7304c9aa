"""The look of all reports: light and dark by the reader's setting, from 320 px of width."""

from __future__ import annotations

from edge_sdk.html.palette import CATEGORIES, OTHERS, REFERENCE, hexadecimal

_MAPS = "".join(
    f".{name} {{ background: {hexadecimal(color)}; }}\n"
    for name, color in (
        ("c-0", REFERENCE),
        *((f"c-{place}", color) for place, color in enumerate(CATEGORIES, start=1)),
        ("c-others", OTHERS),
    )
)
"""Colors of maps are the same in both schemes."""

_SHELL = """
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #ffffff; --ink: #1d2126;
  --soft: #5c6570; --line: #e2dfd7; --before: #b9bfc7; --after: #0b7a75; --good: #0b7a75;
  --warn: #a8480a; --warn-paper: #fdf0e4; --k-convolution: #0b7a75; --k-norm: #8c6bb1;
  --k-activation: #e0a326; --k-sum: #d1495b; --k-border: #4f86c6; --k-resize: #7a9e3a;
  --k-other: #9aa3ad; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --card: #1c2024; --ink: #e8eaec;
  --soft: #a0a9b2; --line: #30363c; --before: #59626c; --after: #35b5ac; --good: #35b5ac;
  --warn: #f0a35e; --warn-paper: #33261a; --k-convolution: #35b5ac; --k-norm: #b094d6;
  --k-activation: #e6b450; --k-sum: #ee7785; --k-border: #77a9e2; --k-resize: #9dc25a;
  --k-other: #7b8590; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 16px 64px; }
h1 { font-size: clamp(1.5rem, 5vw, 2.25rem); line-height: 1.2; margin: 0 0 8px; }
h2 { font-size: 1.25rem; margin: 48px 0 8px; }
p { margin: 0 0 12px; max-width: 70ch; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
.grid { display: grid; gap: 16px; margin: 16px 0; padding: 0; }
.thirds { grid-template-columns: repeat(auto-fit, minmax(min(100%, 270px), 1fr)); }
.diagrams { grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px;
  min-width: 0; margin: 0; }
.card h3 { margin: 0; font-size: .875rem; font-weight: 600; color: var(--soft); }
.figure { font-size: 1.75rem; font-weight: 650; line-height: 1.25; margin: 0 0 12px;
  font-variant-numeric: tabular-nums; }
svg { display: block; max-width: 100%; }
figure { margin: 0; } figcaption { font-size: .875rem; color: var(--soft); margin-top: 8px; }
.pixels { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
svg text { font: 12px/1 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  fill: var(--ink); }
.bar-before { fill: var(--before); } .bar-after { fill: var(--after); }
.track { fill: var(--line); } .mark { stroke: var(--ink); stroke-width: 1; }
.good { fill: var(--good); } .low { fill: var(--warn); }
.strip { margin: 12px 0; } .strip svg { width: 100%; border-radius: 4px; }
.strip p { margin: 0 0 4px; }
.k-convolution { fill: var(--k-convolution); background: var(--k-convolution); }
.k-norm { fill: var(--k-norm); background: var(--k-norm); }
.k-activation { fill: var(--k-activation); background: var(--k-activation); }
.k-sum { fill: var(--k-sum); background: var(--k-sum); }
.k-border { fill: var(--k-border); background: var(--k-border); }
.k-resize { fill: var(--k-resize); background: var(--k-resize); }
.k-other { fill: var(--k-other); background: var(--k-other); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; list-style: none; margin: 0; padding: 0; }
.legend span { display: inline-block; width: 12px; height: 12px; border-radius: 3px;
  margin-right: 6px; }
.wire { fill: none; stroke: var(--soft); stroke-width: 1.25; }
.chip { fill: var(--paper); stroke: var(--line); } .chip-norm { stroke: var(--k-norm); }
.chip-result { fill: var(--after); } svg text.on-result { fill: var(--card); font-weight: 650; }
.bundle { fill: none; stroke: var(--soft); stroke-dasharray: 3 3; }
.node { fill: var(--card); stroke: var(--soft); }
table { width: 100%; border-collapse: collapse; margin: 12px 0; font-size: .9375rem;
  font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .8125rem; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
code { font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.warned { color: var(--warn); font-weight: 650; }
ul.notes { padding: 0; list-style: none; margin: 12px 0; }
ul.notes li { background: var(--warn-paper); border-left: 3px solid var(--warn); padding: 8px 12px;
  margin: 8px 0; border-radius: 0 8px 8px 0; }
ul.plain li { background: none; border-left-color: var(--line); padding: 2px 12px; }
@media (max-width: 680px) {
  thead { display: none; } table, tbody, tr, td { display: block; }
  tr { border: 1px solid var(--line); border-radius: 12px; padding: 8px 12px; margin: 8px 0;
    background: var(--card); }
  td { border: 0; padding: 3px 0; display: flex; justify-content: space-between; gap: 16px; }
  td::before { content: attr(data-label); color: var(--soft); font-size: .8125rem; flex: none;
    max-width: 45%; }
  td > * { min-width: 0; }
}
@media print { .card, tr { break-inside: avoid; } }
"""

_BURST = """
.halves { grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  align-items: start; }
.maps { grid-template-columns: repeat(auto-fill, minmax(min(100%, 220px), 1fr)); }
.maps .card { padding: 10px; }
@media (max-width: 680px) {
  .maps { grid-template-columns: repeat(auto-fill, minmax(min(100%, 140px), 1fr)); gap: 8px; }
  .maps .card { padding: 6px; }
}
summary { cursor: pointer; }
.narrow { max-width: 480px; }
.legend span { border: 1px solid var(--soft); }
.bar-out { fill: none; stroke: var(--soft); stroke-dasharray: 3 2; }
.grid-line { stroke: var(--line); } .axis { stroke: var(--soft); }
.dot { fill: var(--before); stroke: var(--ink); } .dot-reference { fill: var(--after); }
.smooth { display: block; width: 100%; border-radius: 4px; }
.stack { position: relative; }
.stack img { height: 100%; }
.stack svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.slider { position: relative; border-radius: 4px; overflow: hidden; --at: 50%; }
.slider img { position: absolute; inset: 0; width: 100%; height: 100%; }
.slider .over { clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.slider::after { content: ""; position: absolute; inset: 0 auto 0 var(--at); width: 2px;
  margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px #0009; pointer-events: none; }
.slider input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
  cursor: ew-resize; touch-action: pan-y; }
.slider:focus-within { outline: 3px solid var(--after); outline-offset: 2px; }
.tag { position: absolute; top: 8px; padding: 2px 8px; border-radius: 4px; font-size: .8125rem;
  background: #14171acc; color: #fff; pointer-events: none; }
.tag-left { left: 8px; } .tag-right { right: 8px; }
@media print { .slider input { display: none; } }
"""

STYLE = _SHELL + _BURST + _MAPS
"""The whole style sheet."""
