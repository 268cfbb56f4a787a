# SPDX-License-Identifier: Apache-2.0
"""Any elementwise function of one int16, as a table of 513 values and lines between them.

inputs: x int16.
attrs: table: int16 [513]: of -32768, -32640, ... 32768.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import clamp_int16
from groat.ops.base import Constants, ImportedOp, OpDef, Rows, Shape, rows_alike
from groat.ops.softmax_int16 import interpolate

ENTRIES = 513
STEP = 128
Float64 = NDArray[np.float64]


class LutInt16(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        return [interpolate(op.attrs["table"], inputs[0].astype(np.int64)).astype(np.int16)]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        return {"elements": outputs[0].elements, "table": constants.add(op.attrs["table"].astype("<i2").tobytes())}

    def rows(self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Rows | None:
        return rows_alike(inputs[:1], outputs)


def tabulate_int16(source: ImportedOp, function: Callable[[Float64], Float64]) -> Op:
    """The op whose table has the function from stored values to those of the output, which need not be whole.

    Each entry is moved by half of what the line to the next one misses in its middle.
    """
    at = np.arange(-(1 << 15), (1 << 15) + 1, STEP, dtype=np.float64)
    ends, middles = function(at), function(at[:-1] + STEP / 2)
    missed = (ends[:-1] + ends[1:]) / 2 - middles
    table = clamp_int16(np.rint(np.clip([*(ends[:-1] - missed / 2), ends[-1]], -1e6, 1e6)))
    return source.op("lut_int16", source.inputs[:1], {"table": table})


OP = LutInt16()
