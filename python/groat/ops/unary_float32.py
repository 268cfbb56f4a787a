# SPDX-License-Identifier: Apache-2.0
"""A function of each float32.

inputs: x float32.
attrs: function, a key of FUNCTIONS; alpha, beta, of those that have them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.arithmetic import require_activations
from groat.ops.base import TABLE, Constants, ImportedOp, Importer, OpDef, Operator, Shape, Unsupported
from groat.ops.call import call
from groat.ops.exp import Float32, erf, exp, log, log1p, logistic, tanh
from groat.ops.floats import clamped, float_array
from groat.ops.functions_int8 import import_abs, import_elu, import_hard_swish, import_leaky_relu

_HALF, _ONE = np.float32(0.5), np.float32(1)


class Function(NamedTuple):
    """A function of the table: of x, alpha and beta, which are as given unless it has none."""

    compute: Callable[[Float32, np.float32, np.float32], Array]
    alpha: float = 0.0
    beta: float = 0.0


def _hard_sigmoid(x: Float32, alpha: np.float32, beta: np.float32) -> Float32:
    return clamped(alpha * x + beta, {"act_min": 0, "act_max": 1}, np.float32)


def _softplus(x: Float32) -> Float32:
    return log1p(exp(np.where(x < 0, x, -x))) + np.where(x < 0, np.float32(0), x)


def _gelu_tanh(x: Float32) -> Float32:
    inner = np.float32(0.797884561) * (x + np.float32(0.044715) * x * x * x)
    return _HALF * x * (_ONE + tanh(inner))


FUNCTIONS: dict[str, Function] = {
    "abs": Function(lambda x, a, b: np.where(x < 0, -x, x)),
    "neg": Function(lambda x, a, b: -x),
    "reciprocal": Function(lambda x, a, b: _ONE / x),
    "sqrt": Function(lambda x, a, b: np.sqrt(x)),
    "exp": Function(lambda x, a, b: exp(x)),
    "log": Function(lambda x, a, b: log(x)),
    "erf": Function(lambda x, a, b: erf(x)),
    "leaky_relu": Function(lambda x, a, b: np.where(x < 0, a * x, x), alpha=0.01),
    "elu": Function(lambda x, a, b: np.where(x < 0, a * (exp(x) - _ONE), x), alpha=1.0),
    "hard_sigmoid": Function(_hard_sigmoid, alpha=0.2, beta=0.5),
    "hard_swish": Function(lambda x, a, b: x * _hard_sigmoid(x, a, b), alpha=1 / 6, beta=0.5),
    "gelu": Function(lambda x, a, b: _HALF * x * (_ONE + erf(x * np.float32(0.707106781)))),
    "gelu_tanh": Function(lambda x, a, b: _gelu_tanh(x)),
    "swish": Function(lambda x, a, b: x * logistic(a * x), alpha=1.0),
    "softplus": Function(lambda x, a, b: _softplus(x)),
    "mish": Function(lambda x, a, b: x * tanh(_softplus(x))),
}


def function_attrs(function: str, alpha: float | None = None, beta: float | None = None) -> dict[str, Any]:
    """The attributes of a function; None for what it has by default."""
    default = FUNCTIONS[function]
    values = (default.alpha if alpha is None else alpha, default.beta if beta is None else beta)
    return {"function": function, "alpha": float(np.float32(values[0])), "beta": float(np.float32(values[1]))}


def apply(attrs: Any, x: Array) -> Array:
    """The function of the attributes of an op, of float32."""
    with np.errstate(all="ignore"):
        return FUNCTIONS[attrs["function"]].compute(x, np.float32(attrs["alpha"]), np.float32(attrs["beta"]))


class UnaryFloat32(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape]

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        with np.errstate(all="ignore"):
            return [np.asarray(apply(op.attrs, inputs[0].astype(np.float32))).astype(inputs[0].dtype)]

    def operator(self, op: Op, dtype: str) -> Operator | None:
        if dtype == "float32":
            return self._in_tflite(op)
        return Operator(TABLE)

    def _in_tflite(self, op: Op) -> Operator | None:
        """The operator that has this function; None if there is none of its parameters."""
        function = op.attrs["function"]
        approximate = function == "gelu_tanh"
        name = "gelu" if approximate else function
        free = {"alpha": op.attrs["alpha"]} if function == "leaky_relu" else {}
        if name.upper() not in self.tflite or op.attrs != function_attrs(function, **free):
            return None
        options = {"Approximate": approximate} if name == "gelu" else {"Alpha": free["alpha"]} if free else {}
        return Operator(name.upper(), options)

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        from groat.pack import structs

        return {
            "elements": outputs[0].elements,
            "alpha": op.attrs["alpha"],
            "beta": op.attrs["beta"],
            "function": getattr(structs.constants(), f"GROAT_UNARY_{op.attrs['function'].upper()}"),
        }


INT8: dict[str, Importer] = {
    "abs": import_abs,
    "leaky_relu": import_leaky_relu,
    "elu": import_elu,
    "hard_swish": import_hard_swish,
}
INT16 = ("abs", "leaky_relu")
"""Functions of which TensorFlow Lite Micro has kernels for integers."""


def _importer(function: str) -> Importer:
    def importer(source: ImportedOp) -> Op:
        x, y = source.input(0), source.output(0)
        if function in INT8 and (x.dtype == "int8" or (x.dtype == "int16" and function in INT16)):
            require_activations((x, "input"), (y, "output"))
            return INT8[function](source)
        for tensor, role in ((x, "input"), (y, "output")):
            if tensor.dtype != "float32":
                kinds = ["int8"] * (function in INT8) + ["int16"] * (function in INT16) + ["float32"]
                raise Unsupported(f"its {role} is {tensor.dtype}; there are kernels for {' and '.join(kinds)} only")
        name = "gelu_tanh" if function == "gelu" and source.options.get("Approximate") else function
        alpha = float(source.options.get("Alpha", 0.0)) if function == "leaky_relu" else None
        return source.op("unary_float32", source.inputs[:1], function_attrs(name, alpha))

    return importer


UnaryFloat32.tflite = {
    name.upper(): _importer(name)
    for name in ("abs", "neg", "sqrt", "exp", "log", "leaky_relu", "elu", "hard_swish", "gelu")
}
OP = UnaryFloat32()


def unary_float(
    x: ArrayLike,
    function: str,
    *,
    alpha: float | None = None,
    beta: float | None = None,
    on: str = "host",
    isa: str | None = None,
) -> Array:
    """A function of each element.

    Args:
        x: float32 or float16.
        function: "abs", "neg", "reciprocal", "sqrt", "exp", "log", "erf", "leaky_relu", "elu", "hard_sigmoid",
            "hard_swish", "gelu", "gelu_tanh" (its approximation), "swish", "softplus" or "mish".
        alpha, beta: of "leaky_relu" (the slope below 0), "elu", "hard_sigmoid" and "hard_swish" (alpha x + beta between
            0 and 1) and "swish" (x times the logistic function of alpha x); None: as ONNX has them.
        on, isa: as conv2d.

    Returns an array of x's type and shape.
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    values, suffix = float_array(x, "x")
    if function not in FUNCTIONS:
        raise InputError(f"there is no function {function!r}; expected one of {', '.join(FUNCTIONS)}")
    attrs = function_attrs(function, alpha, beta)
    if not (math.isfinite(attrs["alpha"]) and math.isfinite(attrs["beta"])):
        raise InputError(f"alpha is {alpha}, beta is {beta}; expected finite numbers")
    return call("unary" + suffix, [values], attrs, str(values.dtype), on, isa)
