# SPDX-License-Identifier: Apache-2.0
"""The compiler's rewrites, in the order in which they run.  Each keeps every output bit-exact.

Three are optional: integer_ends, which changes what a model takes and gives, to_float16 and to_bfp16, which change
values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from groat.graph import Graph, verify
from groat.passes.fold_clamps import fold_clamps
from groat.passes.fold_pads import fold_pads
from groat.passes.integer_ends import integer_ends
from groat.passes.keep_outputs import keep_outputs
from groat.passes.reshapes_to_views import reshapes_to_views
from groat.passes.to_bfp16 import to_bfp16
from groat.passes.to_float16 import to_float16
from groat.passes.write_states import write_states

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    fold_pads,
    fold_clamps,
    reshapes_to_views,
    keep_outputs,
    write_states,
)


STORED: Mapping[str, Pass] = {"float16": to_float16, "bfp16": to_bfp16}
"""How floats may be stored."""


def passes_for(ends: str, floats: str = "float32") -> tuple[Pass, ...]:
    """All passes for ends of a model that are "model", its own, or "integer", and floats that are stored as they are or
    as "float16", or become block floating point, "bfp16"."""
    before: dict[Pass, Pass] = {}
    if ends != "model":
        before[keep_outputs] = integer_ends
    if floats in STORED:
        before[reshapes_to_views] = STORED[floats]
    return tuple(other for each in PASSES for other in ((before[each], each) if each in before else (each,)))


def run_passes(
    graph: Graph,
    after_each: Callable[[str, Graph], None] | None = None,
    ends: str = "model",
    floats: str = "float32",
) -> Graph:
    """Runs all passes, verifying the graph after each; `after_each(name, graph)` sees every result."""
    for rewrite in passes_for(ends, floats):
        graph = verify(rewrite(graph), rewrite.__name__)
        if after_each is not None:
            after_each(rewrite.__name__, graph)
    return graph
