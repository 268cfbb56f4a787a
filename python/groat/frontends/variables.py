# SPDX-License-Identifier: Apache-2.0
"""TFLite's variables, which keep their contents from run to run, as states of our graph.

A variable is a resource that VAR_HANDLE names.  A subgraph that CALL_ONCE runs before the first inference gives it its
first contents.  READ_VARIABLE and ASSIGN_VARIABLE become copies, of which passes drop all that nothing needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from groat.errors import ModelError
from groat.frontends.operator import ImportedOperator
from groat.graph import Op, State, Tensor
from groat.graph.ir import Array
from groat.ops.base import Unsupported

VARIABLES = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")

Subgraph = Sequence[ImportedOperator]


@dataclass
class _Variable:
    """A variable while its model is imported.

    Attributes:
        state: the tensor that holds it; None until it is read.
        value: the tensor that it was assigned in this run.
    """

    name: str
    initial: Array | None = None
    state: int | None = None
    value: int | None = None
    assigned: bool = False


class Variables:
    """The variables of one model.

    Args:
        name: what errors call the model.
        tensors: of the main subgraph; what the import adds goes there.
        subgraphs: the operators of all subgraphs.
        main: those of the main one.
    """

    def __init__(self, name: str, tensors: dict[int, Tensor], subgraphs: Sequence[Subgraph], main: Subgraph) -> None:
        self._name = name
        self._tensors = tensors
        self._subgraphs = subgraphs
        self._variables: dict[tuple[str, str], _Variable] = {}
        self._handles: dict[int, _Variable] = {}
        self._assigned = {n: i for i, op in enumerate(main) if op.name == "ASSIGN_VARIABLE" for n in op.inputs[:1]}

    def take(self, operator: ImportedOperator) -> Op | None:
        """What an operator of VARIABLES is in our graph; None if nothing.

        Raises Unsupported, or ModelError if the model contradicts itself.
        """
        if operator.name == "CALL_ONCE":
            self._initialize(int(operator.options["InitSubgraphIndex"]))
            return None
        if operator.name == "VAR_HANDLE":
            self._handles[operator.outputs[0]] = self._variable(operator)
            return None
        variable = self._handles.get(operator.inputs[0])
        if variable is None:
            raise self._wrong(f"{operator.describe()} names no variable that VAR_HANDLE made before it")
        return self._read(operator, variable) if operator.name == "READ_VARIABLE" else self._assign(operator, variable)

    @property
    def states(self) -> dict[int, State]:
        """Of the graph: a state for each variable that a run reads, and leaves changed."""
        return {
            v.state: State(v.initial, "variable")
            for v in self._variables.values()
            if v.state is not None and v.initial is not None
        }

    def _variable(self, operator: ImportedOperator) -> _Variable:
        key = tuple(_text(operator.options[part]) for part in ("Container", "SharedName"))
        return self._variables.setdefault((key[0], key[1]), _Variable(key[1]))

    def _initialize(self, index: int) -> None:
        """Runs a subgraph of VAR_HANDLE and ASSIGN_VARIABLE of constants."""
        if not 0 < index < len(self._subgraphs):
            raise self._wrong(f"CALL_ONCE runs subgraph {index}; there are {len(self._subgraphs)}")
        handles: dict[int, _Variable] = {}
        for operator in self._subgraphs[index]:
            if operator.name == "VAR_HANDLE":
                handles[operator.outputs[0]] = self._variable(operator)
            elif operator.name == "ASSIGN_VARIABLE" and operator.inputs[0] in handles:
                variable = handles[operator.inputs[0]]
                if variable.initial is not None:
                    raise self._wrong(f"variable {variable.name!r} is initialised twice")
                variable.initial = operator.constant(1)
            else:
                raise Unsupported(f"it runs {operator.name}; expected ASSIGN_VARIABLE of constants")

    def _read(self, operator: ImportedOperator, variable: _Variable) -> Op | None:
        target, y = operator.outputs[0], operator.output(0)
        if variable.value is not None:
            return operator.op("reshape", (variable.value,), {"out_shape": y.shape})
        if variable.initial is None:
            raise self._wrong(
                f"variable {variable.name!r} is read by op {operator.index} before anything was assigned to it; "
                "expected first contents, by CALL_ONCE"
            )
        self._require_same(variable, y)
        written = any(handle in self._assigned for handle, other in self._handles.items() if other is variable)
        if not written:  # nothing changes it: a constant
            self._tensors[target] = replace(y, data=variable.initial)
            return None
        if variable.state is None:
            variable.state = max(self._tensors) + 1
            self._tensors[variable.state] = replace(y, name=variable.name)
        return operator.op("reshape", (variable.state,), {"out_shape": y.shape})

    def _assign(self, operator: ImportedOperator, variable: _Variable) -> Op | None:
        x = operator.input(1)
        if variable.value is not None:
            raise self._wrong(
                f"variable {variable.name!r} is assigned twice in one run, the second time by op "
                f"{operator.index}; expected one writer"
            )
        variable.value = operator.inputs[1]
        if variable.state is None:  # nothing reads what a run leaves
            return None
        self._require_same(variable, x)
        return Op("reshape", (variable.value,), (variable.state,), {"out_shape": x.shape}, operator.index)

    def _require_same(self, variable: _Variable, tensor: Tensor) -> None:
        initial = variable.initial
        assert initial is not None
        if initial.shape != tensor.shape or str(initial.dtype) != tensor.dtype:
            raise Unsupported(
                f"variable {variable.name!r} starts as {initial.dtype}{list(initial.shape)}; here it is "
                f"{tensor.dtype}{list(tensor.shape)}; expected one type and shape"
            )

    def _wrong(self, text: str) -> ModelError:
        return ModelError(f"{self._name}: {text}")


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
