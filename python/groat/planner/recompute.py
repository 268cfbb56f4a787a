# SPDX-License-Identifier: Apache-2.0
"""Less memory for a step of training: activations that are computed again in the backward half instead of kept.

What is dropped is what lies at the peak of the plan, the one first whose absence makes the arena smallest.  What is
needed again is computed again right before its first reader, from what is still there; so a run of dropped activations
is a segment between two checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from groat.graph import Graph, verify
from groat.ops.loss import loss_position
from groat.planner.offsets import Plan, plan_memory

PROGRAM = "train_step"
TRIES = 3
"""Steps without a smaller arena after which the search ends."""

ScratchOf = Callable[[Graph], Sequence[int]]


def with_less_memory(graph: Graph, scratch_of: ScratchOf) -> Iterator[Graph]:
    """The same graph with ever smaller arenas, and ever more ops.

    Args:
        graph: of groat.train.tape.training_graph.
        scratch_of: bytes that the kernel of each op of a graph asks for.
    """
    if learns_forward(graph):
        return
    step = _Step(graph)
    dropped: frozenset[int] = frozenset()
    plan = plan_memory(graph, scratch_of(graph))
    least, failures = plan.arena_bytes, 0
    while failures < TRIES:
        trials: list[tuple[int, int, Graph, Plan]] = []
        for number in step.kept_at_peak(plan, dropped):
            trial = step.without(dropped | {number})
            planned = plan_memory(trial, scratch_of(trial))
            trials.append((planned.arena_bytes, number, trial, planned))
        if not trials:
            return
        arena, number, trial, plan = min(trials, key=lambda found: found[:2])
        dropped |= {number}
        failures += 1
        if arena < least:
            least, failures = arena, 0
            yield verify(trial, "with_less_memory")


def learns_forward(graph: Graph) -> bool:
    """Whether parameters change before the loss is there: then nothing can be computed again."""
    program = next(program for program in graph.programs if program.name == PROGRAM)
    ops = graph.ops_of(program)
    return any(n in graph.states and graph.states[n].trained for op in ops[: loss_position(ops)] for n in op.outputs)


class _Step:
    """The program of a step of training, taken apart.

    Attributes:
        forward: its ops before the loss; the rest is backward.
        kept: what of the forward half the backward half reads.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.program = next(program for program in graph.programs if program.name == PROGRAM)
        ops = graph.ops_of(self.program)
        loss = loss_position(ops)
        self.forward, self.backward = ops[:loss], ops[loss:]
        self._writer = {graph.root(number): op for op in self.forward for number in op.outputs}
        read = {graph.root(number) for op in self.backward for number in op.inputs}
        self.kept = read & set(self._writer)
        # The parameters of an op may have changed when it would run again, if a later one has them too.
        uses: dict[int, int] = {}
        for op in self.forward:
            for number in op.inputs:
                uses[number] = uses.get(number, 0) + 1
        self._fixed = {
            graph.root(n)
            for op in self.forward
            if any(number in graph.states and uses[number] > 1 for number in op.inputs)
            for n in op.outputs
        }

    def kept_at_peak(self, plan: Plan, dropped: frozenset[int]) -> list[int]:
        """Activations that are alive where the most bytes are, and may be dropped."""
        alive = {number for buffer in plan.alive(plan.peak_step) for number in buffer.tensors}
        ends = {self.graph.root(number) for number in self.program.outputs}
        return sorted(number for number in self.kept - dropped - self._fixed - ends if number in alive)

    def without(self, dropped: frozenset[int]) -> Graph:
        """The graph with these activations made again where they are needed."""
        graph = self.graph
        tensors, views = dict(graph.tensors), dict(graph.views)
        made: dict[int, int] = {}  # tensor -> the one that is made again
        ops = list(self.forward)

        def new(number: int) -> int:
            fresh = max(tensors) + 1
            tensors[fresh] = tensors[number]
            return fresh

        def again(number: int) -> int:
            """What to read in the backward half in place of a tensor."""
            root = graph.root(number)
            gone = root in self._writer and (root in dropped or root not in self.kept)
            if not gone:
                return number
            if root not in made:
                op = self._writer[root]
                inputs = tuple(again(source) for source in op.inputs)
                outputs = []
                for output in op.outputs:
                    made[output] = new(output)
                    outputs.append(made[output])
                ops.append(replace(op, inputs=inputs, outputs=tuple(outputs)))
            if number == root:
                return made[root]
            if number not in made:
                made[number] = new(number)
                views[made[number]] = again(views[number])
            return made[number]

        loss = self.backward[0]
        ops.append(loss)
        for op in self.backward[1:]:
            inputs = tuple(again(number) for number in op.inputs)
            ops.append(replace(op, inputs=inputs))
        return replace(graph, tensors=tensors, views=views).with_program(self.program, ops)
