# SPDX-License-Identifier: Apache-2.0
"""How a model is quantised: each option once, for Python and for the command."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from groat.errors import InputError
from groat.options import about
from groat.quantization.observers import RULES, Rule
from groat.quantization.schemes import SCHEMES

Rounding = Literal["nearest", "learned"]
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """Choices of quantisation.

    Attributes:
        scheme: "int8": weights and activations of 8 bits; "w4a8": weights of 4 bits; "16x8": activations of 16 bits;
            "fp16": floats stored in half; "mixed": the best of the first three for each layer, under a budget.
        ranges: how the range of an activation is found from samples (groat.quantization.observers).
        rounding: weights to the nearest integer, or to the one with which a layer's outputs change least.
        bias_correction: the bias takes up what rounding changes in the mean of a channel.
        equalize: weights of neighbouring layers are scaled against each other before (cross-layer equalisation).
            "auto": for int8 alone; it makes ranges of activations alike at the cost of those of weights, of which 4
            bits hold little.
        allow_float: ops without a kernel of integers stay floats, instead of an error.

    Raises InputError for a value that does not exist.
    """

    scheme: str = field(default="int8", metadata=about("how weights and activations are stored", SCHEMES))
    ranges: Rule = field(default="mse", metadata=about("how ranges of activations are found", RULES))
    rounding: Rounding = field(default="learned", metadata=about("how weights are rounded", ROUNDINGS))
    bias_correction: Literal["on", "off"] = field(
        default="on", metadata=about("correct biases for what rounding changes in the mean", ("on", "off"))
    )
    equalize: Literal["auto", "on", "off"] = field(
        default="auto", metadata=about("equalise neighbouring layers first; auto: for int8", ("auto", "on", "off"))
    )
    allow_float: bool = field(default=False, metadata=about("ops without a kernel of integers stay floats"))

    def __post_init__(self) -> None:
        for name, choices in (
            ("scheme", SCHEMES),
            ("ranges", RULES),
            ("rounding", ROUNDINGS),
            ("bias_correction", ("on", "off")),
            ("equalize", ("auto", "on", "off")),
        ):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"quantize: {name} is {getattr(self, name)!r}; expected one of {', '.join(map(str, choices))}"
                )

    @property
    def equalizes(self) -> bool:
        """Whether neighbouring layers are equalised."""
        return self.equalize == "on" or (self.equalize == "auto" and self.scheme == "int8")
