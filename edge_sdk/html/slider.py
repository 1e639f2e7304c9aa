"""Two pictures of one place, one over the other, divided by a line that the reader moves."""

from __future__ import annotations

from edge_sdk.html.markup import Markup, element

SCRIPT = """
for (const slider of document.querySelectorAll(".slider")) {
  const line = slider.querySelector("input");
  const follow = () => slider.style.setProperty("--at", line.value + "%");
  line.addEventListener("input", follow);
  follow();
}
"""
"""Moves the line; a range input, so that keys, touch and assistive technology work as usual."""


def slider(
    addresses: tuple[str, str],
    names: tuple[str, str],
    size: tuple[int, int],
    caption: str,
    *,
    pixelated: bool = False,
) -> Markup:
    """Before at the left of the line, after at its right.

    Args:
        addresses: of both pictures, of one size.
        names: of both, shown in their corners.
        size: height and width, in px.
        caption: what both show.
        pixelated: whether pixels keep their edges where the picture is magnified.
    """
    before, after = addresses
    kind = "pixels" if pixelated else "smooth"
    height, width = size
    stage = element(
        "div",
        element("img", src=after, alt=f"{names[1]}: {caption}", class_=kind),
        element("img", src=before, alt=f"{names[0]}: {caption}", class_=f"{kind} over"),
        element("span", names[0], class_="tag tag-left", aria_hidden="true"),
        element("span", names[1], class_="tag tag-right", aria_hidden="true"),
        element(
            "input",
            type="range",
            min=0,
            max=100,
            value=50,
            step=1,
            aria_label=f"Part of the width that shows {names[0]}, in percent: {caption}",
        ),
        class_="slider",
        style=f"aspect-ratio: {width} / {height}",
    )
    return element("figure", stage, element("figcaption", caption))
