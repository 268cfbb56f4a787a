# SPDX-License-Identifier: Apache-2.0
"""A picture of a plan: what lies where in memory and when, and what less memory would cost in work.

Boxes are buffers: as wide as they live, as high as they are large, at their offset.  It is an SVG of its own, without
scripts or fonts; what does not fit into a box is in its tooltip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groat.compiler import Compiled
from groat.drawing import LEFT, RIGHT, WIDTH, Svg
from groat.graph import Graph
from groat.planner import Plan, PlannedBuffer
from groat.planner.schedules import role_of

TOP = 64
REGION_HEIGHT, LABELS_HEIGHT, CURVE_HEIGHT = 330, 132, 190
CHARACTER = 5.6  # width of one, on average, at the size of text in boxes

ROLES = {
    "input": ("#d5d9e0", "#6b7280", "input"),
    "tensor": ("#a9cbee", "#2b6cb0", "whole tensor"),
    "ring": ("#a8ddb5", "#2f855a", "ring of rows in a stream"),
    "scratch": ("url(#hatch)", "#c05621", "scratch of kernels"),
    "sums": ("#d6c8f0", "#6b46c1", "sums and state of streams"),
}


def draw(compiled: Compiled, pareto: Sequence[Mapping[str, Any]]) -> str:
    """The text of an SVG.

    Args:
        pareto: what less memory costs in work, as of groat.analysis.analyze_model.
    """
    graph, plan = compiled.graph, compiled.plan
    svg = Svg()
    title = f"{graph.name} on {compiled.target.name}: {plan.arena_bytes:,} bytes of RAM"
    svg.text(LEFT, 26, title, "title")
    used = {_role(graph, plan, buffer) for buffer in plan.buffers}
    x = float(LEFT)
    for role, (fill, stroke, text) in ROLES.items():
        if role in used:
            svg.rect(x, 38, 12, 12, fill=fill, stroke=stroke)
            svg.text(x + 17, 48, text, "soft")
            x += 17 + len(text) * CHARACTER + 22
    top = float(TOP)
    for number in range(len(plan.regions)):
        _draw_region(svg, compiled, number, top)
        top += REGION_HEIGHT + 26
    _draw_steps(svg, graph, top - 20)
    top += LABELS_HEIGHT
    _draw_trade_off(svg, compiled, pareto, top)
    return svg.document(top + CURVE_HEIGHT + 50, title)


# ---- Memory over time --------------------------------------------------------------------------------------


def _column(graph: Graph) -> float:
    """The width of a step."""
    return (WIDTH - LEFT - RIGHT) / max(len(graph.ops), 1)


def _draw_region(svg: Svg, compiled: Compiled, number: int, top: float) -> None:
    """One memory: its buffers, from offset 0 at the bottom."""
    graph, plan = compiled.graph, compiled.plan
    region = plan.regions[number]
    column, bottom = _column(graph), top + REGION_HEIGHT
    most = max(region.nbytes, 1)

    def height(nbytes: float) -> float:
        return nbytes / most * (REGION_HEIGHT - 22)

    for stream in plan.schedule.streams:
        left, width = LEFT + stream.first * column, stream.count * column
        svg.rect(left, top, width, REGION_HEIGHT, fill="#f0fff4", stroke="#c6f6d5")
        if width > 6 * CHARACTER:
            svg.text(left + width / 2, top + 13, "stream", "soft in", "middle")
    for tick in _ticks(most):
        y = bottom - height(tick)
        svg.line(LEFT, y, WIDTH - RIGHT, y, "grid")
        svg.text(LEFT - 6, y + 4, _kilobytes(tick), "soft", "end")
    for buffer in plan.buffers:
        if buffer.region == number:
            left, width = LEFT + buffer.first_step * column, (buffer.last_step - buffer.first_step + 1) * column
            tall = height(buffer.nbytes)
            _draw_buffer(svg, compiled, buffer, (left, bottom - height(buffer.offset) - tall, width, tall))
    y = bottom - height(region.nbytes)
    svg.line(LEFT, y, WIDTH - RIGHT, y, "limit")
    svg.line(LEFT, bottom, WIDTH - RIGHT, bottom, "axis")
    svg.line(LEFT, top, LEFT, bottom, "axis")
    svg.text(18, top + REGION_HEIGHT / 2, f"offset in {region.name}", "soft", "middle", turned=True)


def _draw_buffer(svg: Svg, compiled: Compiled, buffer: PlannedBuffer, place: tuple[float, float, float, float]) -> None:
    graph, plan = compiled.graph, compiled.plan
    x, y, width, height = place
    fill, stroke, meaning = ROLES[_role(graph, plan, buffer)]
    label, rows = _label(graph, buffer), _rows(graph, plan, buffer)
    life = f"step {buffer.first_step}" if buffer.first_step == buffer.last_step else ""
    life = life or f"steps {buffer.first_step} to {buffer.last_step}"
    names = "\n".join(graph.tensors[number].name for number in buffer.tensors)
    where = f"{buffer.nbytes:,} bytes from {buffer.offset:,} on, {life}"
    title = "\n".join(part for part in (f"{label}: {meaning}{rows}", where, names) if part)
    svg.rect(x, y, width, height, title, fill=fill, stroke=stroke, stroke_width=0.8, fill_opacity=0.9)
    size = f"{buffer.nbytes:,} B{rows}"
    if width < 30 and height > 6 * CHARACTER and width >= 10:
        text = _cut(f"{label}, {size}", height - 6)
        svg.text(x + width / 2 + 3, y + height - 4, text, "in", turned=True)
    elif width >= 30:
        fitting = int((height - 1) // 11)
        shown = [label, size] if fitting >= 2 else [f"{label}, {size}"] if fitting == 1 else []
        for index, line in enumerate(shown):
            svg.text(x + 4, y + 11 + 11 * index, _cut(line, width - 6), "in")


def _cut(text: str, width: float) -> str:
    """As much of a text as fits."""
    room = int(width / CHARACTER)
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…" if room > 2 else ""


def _role(graph: Graph, plan: Plan, buffer: PlannedBuffer) -> str:
    if any(graph.root(number) in buffer.tensors for number in graph.inputs):
        return "input"
    return role_of(graph, plan, buffer).replace("state", "sums")


def _label(graph: Graph, buffer: PlannedBuffer) -> str:
    """What wrote a buffer last; converters' names of tensors are too long."""
    if not buffer.tensors:
        return "state" if buffer.stream is not None else "scratch"
    writers = [index for index, op in enumerate(graph.ops) if op.outputs[0] == buffer.tensors[-1]]
    return f"{writers[0]} {graph.ops[writers[0]].kind}" if writers else graph.tensors[buffer.tensors[-1]].name


def _rows(graph: Graph, plan: Plan, buffer: PlannedBuffer) -> str:
    """How many rows a ring has, of how many."""
    for stream in plan.schedule.streams:
        for number, lines in stream.lines.items():
            if buffer.tensors and number == buffer.tensors[-1] and role_of(graph, plan, buffer) == "ring":
                _, height, width = (*graph.tensors[number].shape, 1, 1)[:3]
                units = -(-width // lines[0].span)
                word = "rows" if units == 1 else "parts of rows"
                return f", {sum(line.slots for line in lines)} of {height * units} {word}"
    return ""


def _draw_steps(svg: Svg, graph: Graph, top: float) -> None:
    """The names of the steps under their columns; where they are too many, of some."""
    column = _column(graph)
    every = max(1, int(12 / column + 0.999))
    for index in range(0, len(graph.ops), every):
        x = LEFT + (index + 0.5) * column + 3
        svg.text(
            x, top + 6, _cut(f"{index} {graph.ops[index].kind}", LABELS_HEIGHT - 16), "soft in", "end", turned=True
        )


# ---- The trade-off -----------------------------------------------------------------------------------------


def _draw_trade_off(svg: Svg, compiled: Compiled, pareto: Sequence[Mapping[str, Any]], top: float) -> None:
    """Arena over multiply-accumulates: the best there is, and the plan of this picture."""
    here = (compiled.mac_overhead, compiled.plan.arena_bytes)
    points = [(float(point["mac_overhead"]), int(point["arena_bytes"])) for point in pareto]
    widest = max(1.1, *(overhead for overhead, _ in (*points, here)))
    most = max(arena for _, arena in (*points, here)) * 1.08
    bottom, right = top + CURVE_HEIGHT, WIDTH - RIGHT - 20
    left = LEFT + 20

    def at(overhead: float, arena: float) -> tuple[float, float]:
        return left + (overhead - 1) / (widest - 1) * (right - left - 120), bottom - arena / most * (CURVE_HEIGHT - 24)

    svg.text(LEFT, top, "RAM and work: the best that any schedule gives", "part")
    for tick in _ticks(most):
        y = at(1, tick)[1]
        svg.line(LEFT, y, right, y, "grid")
        svg.text(LEFT - 6, y + 4, _kilobytes(tick), "soft", "end")
    for step in range(6):
        overhead = 1 + (widest - 1) * step / 5
        svg.text(at(overhead, 0)[0], bottom + 16, f"{overhead:.2f}×", "soft", "middle")
    svg.line(LEFT, bottom, right, bottom, "axis")
    svg.line(LEFT, top + 12, LEFT, bottom, "axis")
    svg.text(
        (LEFT + right) / 2, bottom + 34, "multiply-accumulates, as a multiple of the model's own", "soft", "middle"
    )
    svg.text(18, top + CURVE_HEIGHT / 2, "arena", "soft", "middle", turned=True)
    corners: list[tuple[float, float]] = []
    for overhead, arena in points:
        if corners:
            corners.append((at(overhead, 0)[0], corners[-1][1]))
        corners.append(at(overhead, arena))
    if corners:
        svg.path([*corners, (right, corners[-1][1])], fill="none", stroke="#2b6cb0", stroke_width=1.5)
    for overhead, arena in points:
        x, y = at(overhead, arena)
        svg.circle(x, y, 3.5, f"{arena:,} bytes at {overhead:.2f}×", fill="#2b6cb0")
        if (overhead, arena) != here:
            svg.text(x + 8, y - 5, f"{arena:,}", "in")
    x, y = at(*here)
    svg.circle(
        x, y, 6, f"this plan: {here[1]:,} bytes at {here[0]:.2f}×", fill="none", stroke="#c53030", stroke_width=2
    )
    svg.text(x + 10, y - 5, f"this plan: {here[1]:,} bytes", "in")


def _ticks(most: float) -> list[int]:
    """Round numbers of bytes, four to eight of them."""
    step = 16
    while most / step > 8:
        step *= 2
    return list(range(0, int(most) + 1, step))


def _kilobytes(nbytes: int) -> str:
    return f"{nbytes / 1024:g} KB" if nbytes >= 1024 else f"{nbytes} B"
