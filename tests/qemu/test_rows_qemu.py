# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs that go row by row over the channel, while the model runs on a device."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.random_cnns import random_cnn
from tools.tflite_builder import Builder, Quant

import groat
from groat.errors import InputError
from groat.pack import read

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("seed", [30_001, 30_003])
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55", "rv32imc"])
def test_rows_come_and_go(name: str, seed: int) -> None:
    """A batch, and one frame after it, are what the host makes of whole images; and a profile disturbs nothing."""
    device(name)
    model = random_cnn(seed, image=True)
    layers = groat.compile(model, name)
    shape, dtype = layers.report["inputs"][0]["shape"], layers.report["inputs"][0]["dtype"]
    inputs = np.random.default_rng(seed).integers(-128, 128, (3, *shape)).astype(dtype)
    with layers.on("host") as session:
        (wanted,) = session.runner.run_batch([inputs])
    for given in ("resident", "rows"):
        rows = groat.compile(model, name, schedule="stream", input=given, outputs="rows")
        assert [info.by_rows for info in read(rows.packed).inputs] == [given == "rows"]
        assert [info.by_rows for info in read(rows.packed).outputs] == [True]
        with rows.on(f"qemu:{name}") as session:
            np.testing.assert_array_equal(session.runner.run_batch([inputs])[0], wanted)
            found = session.runner.profile([inputs[0]])
            assert len(found.walk_instructions) == len(session.runner.model.streams) > 0
            assert len(dict(session.runner.trace([inputs[1]]))) < len(session.runner.model.steps)
            np.testing.assert_array_equal(session.run(inputs[2]), wanted[2])


def test_a_device_gives_one_output_row_by_row() -> None:
    device("cortex-m4")
    m = Builder()
    x = m.input((1, 6, 5, 2), quant=Quant(0.05))
    compiled = groat.compile(m.build([m.max_pool_2d(x, (2, 2)), m.relu(x)]), "cortex-m4", outputs="rows")
    with pytest.raises(InputError, match="gives the only output row by row; this model has more; keep them resident"):
        compiled.on("qemu:cortex-m4")
