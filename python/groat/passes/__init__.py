# SPDX-License-Identifier: Apache-2.0
"""The compiler's rewrites, in the order in which they run.  Each keeps every output bit-exact."""

from __future__ import annotations

from collections.abc import Callable

from groat.graph import Graph, verify
from groat.passes.fold_clamps import fold_clamps
from groat.passes.fold_pads import fold_pads
from groat.passes.keep_outputs import keep_outputs
from groat.passes.reshapes_to_views import reshapes_to_views

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    fold_pads,
    fold_clamps,
    reshapes_to_views,
    keep_outputs,
)


def run_passes(graph: Graph, after_each: Callable[[str, Graph], None] | None = None) -> Graph:
    """Runs all passes, verifying the graph after each; `after_each(name, graph)` sees every result."""
    for rewrite in PASSES:
        graph = verify(rewrite(graph), rewrite.__name__)
        if after_each is not None:
            after_each(rewrite.__name__, graph)
    return graph
