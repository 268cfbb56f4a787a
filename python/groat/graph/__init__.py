# SPDX-License-Identifier: Apache-2.0
"""The intermediate representation: tensors, ops, graphs, and the check that runs between passes."""

from groat.graph.ir import Graph, Op, Program, Quantization, State, Tensor
from groat.graph.verify import verify

__all__ = ["Graph", "Op", "Program", "Quantization", "State", "Tensor", "verify"]
