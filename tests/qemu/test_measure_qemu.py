# SPDX-License-Identifier: Apache-2.0
"""groat.kernels.measure: a kernel called from Python costs what `groat profile` says of the same layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.devices import DEVICES, device

import groat
from groat import kernels
from groat.errors import InputError
from groat.graph.ir import Array, Op
from groat.inputs import lcg_inputs
from groat.ops.call import call
from groat.profiling import profile

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
MEASURED = {"conv_2d", "depthwise_conv_2d", "softmax"}  # one of each


@pytest.mark.qemu
@pytest.mark.parametrize("name", DEVICES)
def test_a_layer_alone_costs_what_the_profile_says(name: str) -> None:
    device(name)
    on = f"qemu:{name}"
    compiled = groat.compile(DIGITS, target=name)
    layers = profile(compiled.packed, on)["layers"]
    graph = compiled.graph
    values: dict[int, Array] = {
        number: tensor.data for number, tensor in graph.tensors.items() if tensor.data is not None
    }
    with compiled.on("host") as host:
        inputs = lcg_inputs(host.runner.model.inputs)
        values[graph.inputs[0]] = inputs[0]
        for index, (output,) in host.runner.trace(inputs):
            values[graph.ops[index].outputs[0]] = output

    def run(op: Op) -> Array:
        found = [values[graph.root(number)].reshape(graph.tensors[number].shape) for number in op.inputs]
        return call(op.kind, found, op.attrs, graph.tensors[op.outputs[0]].dtype, on, None)

    seen = set()
    for op, layer in zip(graph.ops, layers, strict=True):
        if op.kind in seen or op.kind not in MEASURED:
            continue
        seen.add(op.kind)
        measured = kernels.measure(run, op)
        assert measured.instructions == layer["instructions"], op.kind
        assert measured.macs == layer["macs"]
        np.testing.assert_array_equal(measured.output, values[op.outputs[0]])
    assert seen == MEASURED


@pytest.mark.qemu
def test_what_a_measurement_holds() -> None:
    device("cortex-m4")
    x, weights = np.ones((1, 6, 6, 8), np.int8), np.ones((4, 3, 3, 8), np.int8)
    measured = kernels.measure(kernels.conv2d, x, weights, multiplier=1 << 30, shift=-3, on="qemu:cortex-m4")
    np.testing.assert_array_equal(measured.output, np.full((1, 4, 4, 4), 5, np.int8))  # 72 / 2 / 8, a half away from 0
    assert measured.macs == 4 * 4 * 4 * 72
    assert measured.instructions_per_mac is not None
    assert 0.5 < measured.instructions_per_mac < 3
    assert measured.constants_bytes >= weights.size
    assert measured.scratch_bytes > 0
    again = kernels.measure(kernels.conv2d, x, weights, multiplier=1 << 30, shift=-3, on="qemu:cortex-m4")
    assert again.instructions == measured.instructions

    twice = kernels.measure(
        lambda: kernels.conv2d(
            kernels.conv2d(x, weights, multiplier=1 << 30, shift=-3, on="qemu:cortex-m4"),
            np.ones((4, 1, 1, 4), np.int8),
            multiplier=1 << 30,
            shift=-3,
            on="qemu:cortex-m4",
        )
    )
    assert twice.macs == measured.macs + 4 * 4 * 4 * 4
    assert twice.instructions > measured.instructions


@pytest.mark.qemu
def test_functions_without_weights_have_no_macs() -> None:
    device("cortex-m55")
    a = np.arange(-50, 50).astype(np.int8)
    measured = kernels.measure(kernels.add, a, a, a_scale=1.0, b_scale=1.0, output_scale=2.0, on="qemu:cortex-m55")
    np.testing.assert_array_equal(measured.output, a)
    assert (measured.macs, measured.instructions_per_mac) == (0, None)
    assert measured.instructions_per_element == measured.instructions / 100


def test_the_host_counts_nothing() -> None:
    x = np.zeros(4, np.int8)
    with pytest.raises(
        InputError, match=r'host does not count instructions; measure on a device, .* on="qemu:cortex-m4"'
    ):
        kernels.measure(kernels.softmax, x, input_scale=1.0)
    with pytest.raises(InputError, match=r"called none of groat\.kernels"):
        kernels.measure(lambda: x)
    assert kernels.softmax(x, input_scale=1.0).shape == (4,)  # and the host is free again
