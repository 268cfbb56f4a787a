# SPDX-License-Identifier: Apache-2.0
"""Emulated boards that serve over their serial lines: what works in the emulator works through a port, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.support.command import Groat
from tests.support.devices import device
from tests.support.learner import W, X, learner
from tests.support.material import RESNET8

import groat
from groat import firmware, kernels
from groat.compiler import compile_model
from groat.errors import FitError, RunnerError
from groat.pack import read
from groat.runners import open_runner, split_where
from groat.runners.port import PortRunner, PortSession
from groat.runners.qemu import conv_layouts, serving

pytestmark = pytest.mark.qemu
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.tflite"
RESNET_CODE_BYTES = 24 * 1024
STACK_BYTES = 448  # enough to answer, too little to take a model


def image(name: str, packed: bytes) -> firmware.Image:
    """Firmware that serves, with the ops of a model."""
    model = read(packed)
    return firmware.build(
        device(name),
        ops=[step.op for step in model.all_steps],
        row_ops=[step.op for step in model.all_steps if step.stream is not None],
        states=bool(model.states),
        layouts=conv_layouts(model),
        serve="serial",
    )


@contextmanager
def board(name: str, packed: bytes, count: bool = False) -> Iterator[str]:
    with serving(device(name), image(name, packed).path, count=count) as where:
        yield where


def test_a_board_learns() -> None:
    packed = learner(packing="scalar")
    with board("rv32imc", packed) as where, open_runner(where, packed) as runner:
        runner.select("train_step")
        runner.run([X])
        np.testing.assert_array_equal(runner.parameters()["w"], W + X)


def test_a_kernel_is_called_on_a_board() -> None:
    x, w = np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.float32([1, -2, 0.5, 3])
    with board("rv32imc", learner(packing="scalar")) as where:
        np.testing.assert_array_equal(kernels.mul_float(x, w, on=where), x * w)


def test_a_board_that_faults_says_so_and_starts_anew() -> None:
    """Its stack is too small to take a model."""
    packed = learner(packing="dsp")
    ops = [step.op for step in read(packed).all_steps]
    tight = firmware.build(device("cortex-m4"), ops=ops, serve="serial", stack_bytes=STACK_BYTES)
    with serving(device("cortex-m4"), tight.path) as where:
        for _ in range(2):
            with pytest.raises(RunnerError, match=r"started anew, .*; its last output:\ngroat: fault: HardFault"):
                open_runner(where, packed)


def test_rows_come_and_go_while_a_board_runs() -> None:
    compiled = groat.compile(DIGITS, target="cortex-m4", input="rows")
    inputs = [np.arange(64, dtype=np.int8).reshape(1, 8, 8, 1)]
    with board("cortex-m4", compiled.packed) as where, open_runner(where, compiled.packed) as runner:
        np.testing.assert_array_equal(runner.run(inputs)[0], groat.compile(DIGITS).run(*inputs))


def test_a_profile_is_that_of_the_emulator() -> None:
    packed = groat.compile(DIGITS, target="rv32imc").packed
    with board("rv32imc", packed, count=True) as where, open_runner(where, packed) as runner:
        assert isinstance(runner, PortRunner)
        inputs = [np.zeros(info.shape, info.dtype) for info in runner.model.inputs]
        found = runner.profile(inputs)
    with open_runner("qemu:rv32imc", packed) as runner:
        expected = runner.profile(inputs)
    assert found.step_instructions == expected.step_instructions
    assert found.instructions == expected.instructions


def test_commands_take_a_port(groat_command: Groat) -> None:
    with board("cortex-m3", groat.compile(DIGITS, target="cortex-m3").packed) as where:
        for command in (["run"], ["validate", "--inputs", "2"], ["profile"]):
            assert where in json.dumps(groat_command.json(*command, DIGITS, "--on", where))
        said = groat_command.fails(2, "profile", DIGITS, "--on", where, "--by", "function")
        assert "does not tell where its time goes; profile on an emulated device, qemu:cortex-m3" in said


def test_a_model_is_judged_on_a_board_that_is_switched_off_in_between(
    groat_command: Groat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`groat eval` goes on when the board is back, with the model that it forgot."""
    started = image("cortex-m3", groat.compile(DIGITS, target="cortex-m3").packed)
    rng = np.random.default_rng(1)
    data = tmp_path / "data.npz"
    np.savez(data, x=rng.random((300, 8, 8, 1)).astype(np.float32), y=rng.integers(0, 10, 300))
    real, asked = PortSession.ask, []
    with ExitStack() as boards:
        where = boards.enter_context(serving(device("cortex-m3"), started.path))

        def ask(self: PortSession, command: str, argument: int = 0, data: bytes = b"") -> bytes:
            asked.append(command)
            if command == "RUN" and asked.count("RUN") == 1:
                boards.close()
                boards.enter_context(serving(device("cortex-m3"), started.path, port=int(where.rpartition(":")[2])))
            return real(self, command, argument, data)

        monkeypatch.setattr(PortSession, "ask", ask)
        host, found = groat_command.json("eval", DIGITS, "--data", data, "--on", f"host,{where}")["results"]
    assert asked.count("ACTIVATE") == 2
    assert found["same_as_first"]
    assert (found["samples"], found["value"]) == (300, host["value"])


def test_a_board_with_two_memories() -> None:
    packed = groat.compile(DIGITS, target="cortex-m4", schedule="layer", memories="sram:600,psram").packed
    assert [region.name for region in read(packed).regions] == ["sram", "psram"]
    ops = [step.op for step in read(packed).all_steps]
    inputs = [np.arange(64, dtype=np.int8).reshape(1, 8, 8, 1)]

    def serve(sram: int) -> AbstractContextManager[str]:
        arenas = {"sram": sram, "psram": None}
        return serving(device("cortex-m4"), firmware.build(device("cortex-m4"), ops, None, arenas, serve="serial").path)

    with serve(2048 + len(packed)) as where, open_runner(where, packed) as runner:
        np.testing.assert_array_equal(runner.run(inputs)[0], groat.compile(DIGITS).run(*inputs))
    with serve(512) as where, pytest.raises(FitError, match=r"memory 'sram' need [\d,]+ bytes of RAM; .* has 512"):
        open_runner(where, packed)


def test_a_model_that_is_too_large_for_the_board() -> None:
    packed = groat.compile(DIGITS, target="cortex-m0").packed
    with (
        board("cortex-m0", packed) as where,
        pytest.raises(FitError, match="bytes of RAM; the device at"),
    ):
        open_runner(where, packed)


def test_there_is_no_such_port() -> None:
    with pytest.raises(RunnerError, match=r"serial:/dev/nothing cannot be opened: .*(no serial ports|ports that are)"):
        open_runner("serial:/dev/nothing", learner())
    with pytest.raises(RunnerError, match=r"serial:socket://127.0.0.1:1 cannot be opened"):
        split_where("serial:socket://127.0.0.1:1")


def test_serving_is_small(material: Path) -> None:
    device("cortex-m4")
    packed = compile_model(RESNET8.model(material), "cortex-m4").packed
    assert image("cortex-m4", packed).code_bytes <= RESNET_CODE_BYTES
