# SPDX-License-Identifier: Apache-2.0
"""Drawing an SVG of its own, without scripts or fonts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH = 960
LEFT, RIGHT = 72, 16

STYLE = """
  text { font-family: ui-sans-serif, system-ui, sans-serif; font-size: 11px; fill: #1a202c; }
  .title { font-size: 16px; font-weight: 600; }
  .part { font-size: 13px; font-weight: 600; }
  .soft { fill: #4a5568; }
  .in { font-size: 10px; }
  .grid { stroke: #e2e8f0; stroke-width: 1; }
  .axis { stroke: #4a5568; stroke-width: 1; }
  .limit { stroke: #c53030; stroke-width: 1; stroke-dasharray: 5 3; }
"""


class Svg:
    """The elements of a drawing, in the order in which they are painted."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, title: str = "", **style: object) -> None:
        inside = f"<title>{escape(title)}</title>" if title else ""
        place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self.parts.append(f"<rect {place}{_attributes(style)}>{inside}</rect>")

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>')

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start", turned: bool = False) -> None:
        style: dict[str, object] = {"class": kind} if kind else {}
        style |= {"text_anchor": anchor} if anchor != "start" else {}
        style |= {"transform": f"rotate(-90 {x:.1f} {y:.1f})"} if turned else {}
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{_attributes(style)}>{escape(text)}</text>')

    def circle(self, x: float, y: float, radius: float, title: str, **style: object) -> None:
        inside = f"<title>{escape(title)}</title>"
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"{_attributes(style)}>{inside}</circle>')

    def path(self, points: Sequence[tuple[float, float]], **style: object) -> None:
        steps = " L ".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path d="M {steps}"{_attributes(style)}/>')

    def document(self, height: float, title: str) -> str:
        hatch = (
            '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            '<rect width="6" height="6" fill="#fbd9b9"/><rect width="2" height="6" fill="#ed8936"/></pattern>'
        )
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">',
                f"<title>{escape(title)}</title>",
                f"<style>{STYLE}</style>",
                f"<defs>{hatch}</defs>",
                f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
                *self.parts,
                "</svg>\n",
            ]
        )


def _attributes(style: Mapping[str, object]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
