# SPDX-License-Identifier: Apache-2.0
"""Many samples through one packed model on this host, on all cores.

Each thread has the model opened for itself; the runtime runs without the interpreter's lock.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from groat.graph import Graph
from groat.graph.ir import Array
from groat.pack import pack_steps, write
from groat.passes.keep_outputs import keep_outputs
from groat.planner import plan_memory
from groat.progress import Progress, silent
from groat.runners.base import output_bytes
from groat.runners.host import HostRunner

CHUNK_BYTES = 16 * 1024 * 1024  # of outputs that are made at a time
CHUNK_SAMPLES = 256


def host_batches(
    packed: bytes, inputs: Sequence[Array], progress: Progress = silent, what: str = "samples"
) -> Iterator[tuple[slice, list[Array]]]:
    """Runs n samples, at least one, in order; none sees what another left in variables.

    Args:
        inputs: an array for each input, [n, *shape].
        what: for `progress`, which is told of samples.

    Yields (which samples, an array for each output).  Raises as `run_batch` of a runner.
    """
    threads = os.cpu_count() or 1
    runners: SimpleQueue[HostRunner] = SimpleQueue()
    for _ in range(threads):
        runners.put(HostRunner(packed))
    first = runners.get()
    size = max(1, min(CHUNK_SAMPLES, CHUNK_BYTES // max(output_bytes(first.model), 1)))
    runners.put(first)
    count = len(inputs[0]) if len(inputs) > 0 else 0

    def run(part: slice) -> list[Array]:
        runner = runners.get()
        try:
            return runner.run_batch([array[part] for array in inputs], reset=True)
        finally:
            runners.put(runner)

    parts = deque(slice(start, min(start + size, count)) for start in range(0, max(count, 1), size))
    running: deque[tuple[slice, Future[list[Array]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        while parts or running:
            while parts and len(running) <= threads:
                part = parts.popleft()
                running.append((part, pool.submit(run, part)))
            part, future = running.popleft()
            yield part, future.result()
            progress(what, part.stop, count)


class Recorder:
    """A graph of one program, packed so that its tensors can be seen after a run.

    Attributes:
        numbers: of the tensors that are seen: unless given all that ops make.
    """

    def __init__(self, graph: Graph, numbers: Sequence[int] | None = None) -> None:
        self.numbers = tuple(n for op in graph.ops for n in op.outputs) if numbers is None else tuple(numbers)
        seen = Graph(graph.name, graph.tensors, graph.ops, graph.inputs, self.numbers, graph.views, graph.states)
        seen = keep_outputs(seen)
        steps = pack_steps(seen)
        plan = plan_memory(seen, [step.scratch_bytes for step in steps.steps])
        self._packed, _ = write(seen, steps, plan, bytes(32))

    def run(
        self, inputs: Sequence[Array], progress: Progress = silent, what: str = "samples"
    ) -> Iterator[tuple[slice, dict[int, Array]]]:
        """As host_batches; yields (which samples, tensor number -> [samples, *shape])."""
        for part, arrays in host_batches(self._packed, inputs, progress, what):
            yield part, dict(zip(self.numbers, arrays, strict=True))
