# SPDX-License-Identifier: Apache-2.0
"""Measures the models of the zoo and writes python/groat/zoo/figures.json and the table of docs/ZOO.md.

Example: python tools/zoo_figures.py --data ../shared/material/data
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import groat
from groat.evaluation import evaluate
from groat.zoo import NAMES
from groat.zoo.building import build

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "python" / "groat" / "zoo" / "figures.json"
PAGE = ROOT / "docs" / "ZOO.md"
BEGIN, END = "<!-- begin: figures -->\n", "<!-- end: figures -->\n"
TARGET = "cortex-m4"
DATA = {
    "ds_cnn": "fsdd/fsdd_8k_int16.npz",
    "gru": "fsdd/fsdd_8k_int16.npz",
    "gestures": "har_emlearn/har_exercise_1.parquet",
    "autoencoder": "mnist",
    "vision_transformer": "mnist",
}
"""Where the samples of a trained model lie within the folder of data."""


QUALITIES = ("floats", "quantized", "stand_ins")


def measured(name: str, folder: Path) -> dict[str, Any]:
    """The figures of a model, as groat.zoo.figures."""
    built = build(name)
    judged: dict[str, Any] = {}
    if built.weights == "trained":
        of_data = build(name, data=folder / DATA[name])
        assert of_data.test is not None
        packed = groat.compile(built.quantized).packed
        [verdict] = evaluate(lambda _: packed, of_data.test, metric=built.metric)
        judged = {**of_data.judged(), "stand_ins": verdict.value}
    report = groat.compile(built.quantized, target=TARGET).report
    return {
        "name": name,
        "task": built.entry.task,
        "source": built.entry.source,
        "input": list(built.entry.shape),
        "parameters": built.parameters,
        "macs": report["macs"],
        "target": TARGET,
        "arena_bytes": report["arena_bytes"],
        "file_bytes": report["file_bytes"],
        "weights": built.weights,
        "metric": built.metric,
        "test_samples": judged.get("test_samples"),
        "of": judged.get("of"),
        "floats": judged.get("floats"),
        "quantized": judged.get("quantized"),
        "stand_ins": judged.get("stand_ins"),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as docs/ZOO.md shows them."""
    lines = [
        "| model | task | input | parameters | MACs | arena | file | weights | floats | int8 | stand-ins | judged by |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        values = ["–" if row[key] is None else quality(row["metric"], row[key]) for key in QUALITIES]
        judged = "–" if row["of"] is None else f"{row['test_samples']:,}: {row['of']}"
        lines.append(
            f"| `{row['name']}` | {row['task']} | {'×'.join(map(str, row['input']))} | {row['parameters']:,} | "
            f"{row['macs']:,} | {row['arena_bytes']:,} | {row['file_bytes']:,} | {row['weights']} | "
            f"{' | '.join(values)} | {judged} |"
        )
    return "\n".join(lines) + "\n"


def quality(metric: str, value: float) -> str:
    """A metric for people."""
    return f"mse {value:.4f}" if metric == "mse" else f"{100 * value:.1f} %"


def page(rows: list[dict[str, Any]]) -> str:
    """docs/ZOO.md with this table."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:before] + table(rows) + text[after:]


def main() -> None:
    """Measures all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the samples")
    parser.add_argument("names", nargs="*", help="only these; default: all")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        sys.exit(f"the zoo has no {', '.join(sorted(unknown))}; expected of {', '.join(NAMES)}")
    known = {row["name"]: row for row in json.loads(FIGURES.read_text(encoding="utf-8"))}
    for name in options.names or NAMES:
        print(f"measuring {name}", flush=True)
        known[name] = measured(name, options.data)
    rows = [known[name] for name in NAMES if name in known]
    FIGURES.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
