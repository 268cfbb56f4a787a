# SPDX-License-Identifier: Apache-2.0
"""The smallest model that learns, made by hand: for tests of what is kept from run to run."""

from __future__ import annotations

import numpy as np

from groat.graph import Graph, Op, Tensor
from groat.graph.ir import Program, State
from groat.ops.floats import limits
from groat.pack import pack_steps, write
from groat.planner import plan_memory

HASH = bytes(range(32))
RNG = np.random.default_rng(7)
W, V = RNG.normal(size=(2, 3)).astype(np.float32), RNG.normal(size=3).astype(np.float32)
M = np.zeros((2, 3), np.float32)  # what an optimizer remembers
X = RNG.normal(size=(2, 3)).astype(np.float32)


def learner(
    dtype: str = "float32", names: tuple[str, str] = ("w", "v"), source_hash: bytes = HASH, packing: str = "ref"
) -> bytes:
    """A model that answers (x + w) * v, and learns by adding x to w and to what its optimizer remembers, m."""
    kinds = f"add_{dtype}", f"mul_{dtype}"
    attrs = limits(None, None)

    def tensor(name: str, *shape: int) -> Tensor:
        return Tensor(name, shape, dtype)

    graph = Graph(
        "learner",
        {
            0: tensor("x", 2, 3),
            1: tensor("sum", 2, 3),
            2: tensor("y", 2, 3),
            3: tensor(names[0], 2, 3),
            4: tensor(names[1], 3),
            5: tensor("m", 2, 3),
            6: tensor("dx", 2, 3),
            7: tensor("done", 2, 3),
        },
        (
            Op(kinds[0], (0, 3), (1,), attrs),
            Op(kinds[1], (1, 4), (2,), attrs),
            Op(kinds[0], (3, 6), (3,), attrs),
            Op(kinds[0], (5, 6), (5,), attrs),
            Op(kinds[0], (6, 6), (7,), attrs),
        ),
        (0,),
        (2,),
        states={
            3: State(W.astype(dtype)),
            4: State(V.astype(dtype)),
            5: State(M.astype(dtype), "optimizer"),
        },
        named=(Program("infer", 0, 2, (0,), (2,)), Program("train_step", 2, 3, (6,), (7,))),
    )
    steps = pack_steps(graph, packing)
    plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps])
    return write(graph, steps, plan, source_hash)[0]
