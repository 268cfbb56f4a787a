# SPDX-License-Identifier: Apache-2.0
"""Gated recurrent units (Cho et al., 2014); attributes: recurrent.py, and reset_after.

reset_after: the reset gate scales the recurrent product, not what goes into it.

weights: of update, reset and hidden gates; bias float32 [4 * hidden], the last of the hidden gate's recurrent part.  It
keeps h.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.graph.ir import Array, Op, Quantization, Tensor
from groat.ops.base import Constants, ImportedOp
from groat.ops.exp import logistic, tanh
from groat.ops.gru_int8 import gru_factors
from groat.ops.recurrent import FLAGS
from groat.ops.recurrent_float import RecurrentFloat, call_recurrent, dot_from
from groat.ops.recurrent_int8 import UNIT, gate_biases, gate_weights


class GruFloat32(RecurrentFloat):
    gates = 3
    biases = 4
    kept = ("float32",)

    def step(self, op: Op, x: Array, state: tuple[Array, ...], constants: Sequence[Array]) -> tuple[Array, ...]:
        (h,), (weights, bias) = state, constants
        of_x, of_h = weights[:, : len(x)], weights[:, len(x) :]
        two = 2 * len(h)
        update, reset = logistic(dot_from(dot_from(bias[:two], of_x[:two], x), of_h[:two], h)).reshape(2, -1)
        own = dot_from(bias[two : 3 * len(h)], of_x[two:], x)
        after = op.attrs["reset_after"]
        rest = dot_from(bias[3 * len(h) :], of_h[two:], h if after else reset * h)
        return ((np.float32(1) - update) * tanh(own + (reset * rest if after else rest)) + update * h,)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {**super().params(op, inputs, outputs, constants), "reset_after": int(op.attrs["reset_after"])}

    def kept_integers(self, op: Op, output: Quantization) -> Sequence[tuple[str, Quantization]]:
        return (("int16", Quantization((UNIT,), (0,))),)

    def integers(self, op: Op, source: ImportedOp) -> Op:
        x, y = source.input(0), source.output(0)
        both, bias = source.constant(1), source.constant(2)
        weights, scales = gate_weights(both[:, : x.shape[2]], self.gates)
        recurrent, recurrent_scales = gate_weights(both[:, x.shape[2] :], self.gates)
        hidden = both.shape[0] // self.gates
        rest = np.concatenate([np.zeros(2 * hidden, np.float32), bias[3 * hidden :]])
        biases = [
            gate_biases(bias[: 3 * hidden], [x.scale * scale for scale in scales]),
            gate_biases(rest, [y.scale * scale for scale in recurrent_scales]),
        ]
        constants = [
            source.add_constant(f"{y.name}/weights", weights),
            source.add_constant(f"{y.name}/recurrent", recurrent),
            source.add_constant(f"{y.name}/bias", np.concatenate(biases)),
        ]
        attrs = {
            **{name: op.attrs[name] for name in (*FLAGS, "reset_after")},
            **gru_factors(x.scale, scales, recurrent_scales, y.scale),
            "input_zero_point": x.zero_point,
            "hidden_zero_point": y.zero_point,
        }
        return source.op("gru_int8", (source.inputs[0], *constants, *source.inputs[3:]), attrs)


OP = GruFloat32()


def gru_float(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike,
    *,
    initial: Sequence[ArrayLike] = (),
    final: bool = False,
    reset_after: bool = True,
    reverse: bool = False,
    batch_major: bool = False,
    on: str = "host",
    isa: str | None = None,
) -> Array | list[Array]:
    """Gated recurrent units.

    Args:
        x: float32 [steps, batches, inputs].
        weights: float32 [3 * hidden, inputs + hidden]: rows of update, reset and hidden gates.
        bias: float32 [4 * hidden]: of the three gates, and of the hidden gate's recurrent part.
        initial: (h,), float32 [batches, hidden], that it starts from; none: zeros.
        final: also return what it ends with.
        reset_after: the reset gate scales the recurrent product, as in PyTorch; false: what goes into it.
        reverse: from the last step to the first.
        batch_major: x and the result are [batches, steps, ...].
        on, isa: as conv2d.

    Returns float32 [steps, batches, hidden]: the output after each step; with `final` a list of it and h.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    attrs = {"reverse": reverse, "batch_major": batch_major, "final": final, "reset_after": reset_after}
    return call_recurrent("gru_float32", OP, (x, weights, bias), initial, attrs, on, isa)
