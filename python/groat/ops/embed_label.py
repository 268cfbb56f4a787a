# SPDX-License-Identifier: Apache-2.0
"""A label put into an image, for forward-forward training (Hinton, "The Forward-Forward Algorithm", 2022).

inputs: x float32; label int32 [1], without which no label is shown.
outputs: y float32 of the shape of x; with `draws`, the state of the generator of noise, int32 [1].  A label that is no
    class makes values that are no numbers.
attrs: classes; amplitude; pattern: the label is a pattern of plus and minus amplitude, added to all of x, else one of
    the first `classes` elements, in their place; draws: another label is shown than that given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.graph.ir import Array, Op, Tensor
from groat.ops.base import Constants, OpDef, Shape
from groat.ops.call import array, call_all

MASK = 0xFFFFFFFF


def signs(elements: int, label: int) -> Array:
    """+1 or -1 for each element of an image: the pattern of a label, by a hash of both."""
    mixed = (np.arange(elements, dtype=np.uint64) * 0x9E3779B1 + (label + 1) * 0x85EBCA77) & MASK
    for shift, factor in ((15, 0xC2B2AE3D), (13, 0x27D4EB2F)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & MASK
    return np.where(mixed >> 31, -1, 1).astype(np.float32)


class EmbedLabel(OpDef):
    def shapes(self, op: Op, inputs: Sequence[Tensor]) -> list[Shape]:
        return [inputs[0].shape, *([(1,)] if op.attrs["draws"] else [])]

    def dtypes(self, op: Op, inputs: Sequence[Tensor]) -> list[str]:
        return ["float32", "int32"][: 1 + op.attrs["draws"]]

    def arguments(self, op: Op) -> tuple[int, ...]:
        return op.inputs

    def updates(self, op: Op) -> tuple[int, ...]:
        return (1,) if op.attrs["draws"] else ()

    def reference(self, op: Op, inputs: Sequence[Array]) -> list[Array]:
        attrs, x = op.attrs, inputs[0]
        classes, amplitude, draws = attrs["classes"], np.float32(attrs["amplitude"]), attrs["draws"]
        noise = inputs[-1] if draws else None
        label = int(inputs[1][0]) if len(op.inputs) > 1 else None
        if label is not None and not 0 <= label < classes:
            return [np.full(x.shape, np.nan, np.float32), *([noise] if noise is not None else [])]
        found = []
        if noise is not None and label is not None:
            state = (int(noise[0]) * 1664525 + 1013904223) & MASK
            label = (label + 1 + (state >> 8) % (classes - 1)) % classes
            found.append(np.array([state], np.uint32).view(np.int32))
        y = x.copy().reshape(-1)
        if attrs["pattern"]:
            y += np.float32(0) if label is None else amplitude * signs(len(y), label)
        else:
            y[:classes] = amplitude / np.float32(classes) if label is None else 0
            if label is not None:
                y[label] = amplitude
        return [y.reshape(x.shape), *found]

    def params(
        self, op: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], constants: Constants
    ) -> dict[str, Any]:
        attrs = op.attrs
        return {
            "elements": inputs[0].elements,
            "classes": attrs["classes"],
            "amplitude": attrs["amplitude"],
            "pattern": int(attrs["pattern"]),
            "draws": int(attrs["draws"]),
        }


OP = EmbedLabel()


def embed_label(
    x: ArrayLike,
    label: int | None,
    *,
    classes: int,
    amplitude: float = 1.0,
    pattern: bool = False,
    noise: int | None = None,
    on: str = "host",
    isa: str | None = None,
) -> tuple[Array, ...]:
    """An image that shows a label.

    Args:
        x: float32.
        label: the class; None shows none, which is 0 everywhere of a pattern, else the mean of all labels.
        classes: how many there are, at least 2.
        amplitude: of what is shown.
        pattern: the label is a pattern of plus and minus, added to x; else one of the first elements of x, which make
            room for all classes.
        noise: the state of a generator, 32 bits: then a label is shown that is not the given one.
        on, isa: as conv2d.

    Returns (y, float32 of the shape of x), and the new state if noise is given, an int32 [1].
    Raises InputError if the arguments do not fit each other, and as groat.Runner on a device.
    """
    image = array(x, "x", "float32")
    if classes < 2 or (not pattern and classes > image.size):
        raise InputError(f"classes is {classes}; expected 2 or more, and no more than x has elements, {image.size}")
    if noise is not None and label is None:
        raise InputError("label is None; expected the one that is not drawn")
    attrs = {
        "classes": classes,
        "amplitude": float(np.float32(amplitude)),
        "pattern": pattern,
        "draws": noise is not None,
    }
    inputs = [image, *([] if label is None else [np.array([label], np.int32)])]
    state = {} if noise is None else {1: np.array([noise & MASK], np.uint32).view(np.int32)}
    return tuple(call_all("embed_label", inputs, attrs, on, isa, state=state))
