# SPDX-License-Identifier: Apache-2.0
"""The models that schedules are compared by, and every way to schedule one."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.support import material
from tests.support.material import DS_CNN, MODELS, RESNET8
from tests.support.mobilenets import NETWORKS, mobilenet
from tests.support.random_graphs import random_inputs

import groat
from groat.compiler import compile_model
from groat.ends import from_ends, to_ends
from groat.graph.ir import Array
from groat.options import INPUTS, SCHEDULES
from groat.oracle.tflm import Tflm
from groat.runners import BaseRunner

_PUBLISHED = {
    "resnet8": RESNET8.path,
    "vww": "mlperf_tiny/vww_96_int8",
    "mcunetv2_vww": "tinyengine/vww",
    "ds_cnn": DS_CNN.path,
}
_INTEGER = {"mcunetv2_vww_integer": "mcunetv2_vww"}  # without the float ends of the model
NAMES = (*_PUBLISHED, *_INTEGER, *NETWORKS)
SHARES = (0.0, 0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Way:
    """How a model is scheduled.

    Attributes:
        share: the bound of RAM, on the way from streams that need as little as they can (0) to layer by layer (1);
            None without a bound.
        work: the most multiply-accumulates, as a multiple of the model's own.
    """

    schedule: str
    input: str
    share: float | None = None
    work: float = 1.0

    def __str__(self) -> str:
        bound = "" if self.share is None else f"-{self.share:.0%}"
        work = "" if self.work == 1 else f"-{self.work}x"
        return f"{self.schedule}-{self.input}{bound}{work}"


WAYS = (
    *(Way(schedule, rows) for schedule in SCHEDULES for rows in INPUTS),
    *(Way("auto", rows, share) for rows in INPUTS for share in SHARES),
    Way("patch", "rows", work=1.15),
    Way("patch", "rows", work=1.5),
)
AGAIN = ("vww", "mobilenetv2_0.35_144", "mobilenetv2_msf_144", "mobilenetv2_1.0_224")
"""Models of which rows are made again where the image comes by rows and more work is allowed."""
AGAIN_ON = (("mcunetv2_vww", "cortex-m4"),)
"""The same on one target: elsewhere the smallest arena that is found makes nothing again."""
SMALL = ("resnet8", "ds_cnn")  # to plan and to run


@functools.cache
def model_named(name: str) -> groat.Model:
    """One of NAMES; skips the test where a published one is absent."""
    if name in NETWORKS:
        return groat.load(mobilenet(name))
    path = _PUBLISHED[_INTEGER.get(name, name)]
    (recorded,) = (model for model in MODELS if model.path == path)
    return groat.load(material.required(f"models/{recorded.path}.tflite"))


@functools.cache
def expected(name: str) -> tuple[Sequence[Sequence[Array]], Sequence[Sequence[Array]]]:
    """(inputs, outputs of TensorFlow Lite Micro) of two frames: random values, and only the two ends."""
    source = model_named(name).source
    frames = [random_inputs(source, 3), [_ends(x) for x in random_inputs(source, 4)]]
    oracle = Tflm(source, name)
    return frames, [oracle.run(frame) for frame in frames]


def _ends(x: Array) -> Array:
    return np.where(x < 0, x.min(), x.max())


def compile_named(name: str, target: str, **options: Any) -> groat.Compiled:
    """One of NAMES, with options of groat.compile."""
    io = "integer" if name in _INTEGER else "model"
    return compile_model(model_named(name), target, io=io, **options)


def compiled_as(name: str, way: Way, target: str) -> groat.Compiled:
    """The model in that schedule; AssertionError if it needs more than it may."""

    def compiled(schedule: str, ram: int | None = None) -> groat.Compiled:
        return compile_named(name, target, schedule=schedule, input=way.input, ram=ram, max_mac_overhead=way.work)

    if way.share is None:
        whole = compiled(way.schedule)
        again = name in AGAIN or (name, target) in AGAIN_ON
        assert (whole.mac_overhead > 1) == (way.work > 1 and again)
        assert whole.mac_overhead <= way.work
        return whole
    smallest, largest = (compiled(schedule).plan.arena_bytes for schedule in ("stream", "layer"))
    ram = smallest + int((largest - smallest) * way.share)
    bounded = compiled(way.schedule, ram)
    assert bounded.plan.arena_bytes <= ram
    return bounded


def run(runner: BaseRunner, compiled: groat.Compiled, name: str, frame: Sequence[Array]) -> list[Array]:
    """One inference, in the types that the model itself takes and gives."""
    outputs = runner.run(to_ends(frame, compiled.graph))
    return from_ends(outputs, compiled.graph, model_named(name).graph)
