# SPDX-License-Identifier: Apache-2.0
"""Teaches a model new classes without letting it forget the others.

A model knows some classes.  Then its last layers are trained on a device, or on this computer, with a stream of new
ones: once as they come, and once with latent replay, a buffer of what the frozen layers made of samples that it knew.

    python examples/continual/continual.py scans
    python examples/continual/continual.py mnist --data mnist/ --on qemu:cortex-m4
    python examples/continual/continual.py keywords --model kws_ref_model.tflite --data kws.npz --words fsdd.npz
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import keywords
import mnist
import scans
from lesson import FORGETFUL, Lesson, learn, measure

LESSONS = {"scans": scans, "mnist": mnist, "keywords": keywords}


def table(lesson: Lesson, on: str) -> str:
    """What is recognised before and after, without and with replay."""
    rows = {"before": measure(lesson)}
    rows["new samples alone"] = learn(lesson, on, FORGETFUL)
    rows[f"with {lesson.replays} replays each"] = learn(lesson, on, lesson.replays)
    width = max(map(len, rows))
    lines = [" " * width + "".join(f"  {name:>14}" for name in lesson.tests)]
    lines += [f"{name:{width}}" + "".join(f"  {share:13.1%}" for share in row.values()) for name, row in rows.items()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="what")
    for name, module in LESSONS.items():
        kind = kinds.add_parser(name, help=(module.__doc__ or "").partition("\n")[0])
        kind.add_argument("--on", default="host", help="where it learns, for example qemu:cortex-m4")
        module.add_arguments(kind)
    options = parser.parse_args(arguments)
    print(table(LESSONS[options.kind].lesson(options), options.on))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
