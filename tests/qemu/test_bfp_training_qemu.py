# SPDX-License-Identifier: Apache-2.0
"""Integers train alike everywhere: the same bytes on every core, and no function of floats."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.float_nets import Net
from tests.support.material import ROOT

import groat
from groat.graph import Graph
from groat.profiling import profile

pytestmark = pytest.mark.qemu

FLAGS = ("-std=c11", "-O2", "-ffreestanding", "-ffp-contract=off", f"-I{ROOT / 'runtime' / 'include'}")
INTEGERS = {"memcpy", "memset", "__clzsi2", "__aeabi_uidiv", "__aeabi_idiv", "__aeabi_lmul", "__gnu_thumb1_case_uqi"}
CORES = ["cortex-m0", "cortex-m4", "cortex-m55", "rv32imc", "rv32v"]


def small() -> Graph:
    """The digits' network with a quarter of its channels: a step of it fits the 16 KB of a Cortex-M0."""
    net = Net((8, 8, 1))
    net.conv(4)
    net.conv(4)
    net.pool("max")
    net.conv(8)
    net.pool("max")
    net.dense(10)
    net.softmax()
    return net.graph("small")


def trained(where: str) -> tuple[list[float], dict[str, Any]]:
    """(losses and scores, parameters) after some steps."""
    target = "host" if where == "host" else where.split(":")[1]
    rng = np.random.default_rng(3)
    images, labels = rng.random((6, 8, 8, 1), np.float32), [[1], [7], [7], [0], [1], [9]]
    with groat.compile(small(), target=target, train=groat.Train(dtype="int16")).on(where) as session:
        losses = [result.loss for result in session.trainer.steps(images, labels, 0.1)]
        losses += [float(score) for score in session.run(images[:1])[0]]
        return losses, session.parameters()


@pytest.mark.parametrize("name", CORES)
def test_steps_have_the_same_bytes_everywhere(name: str) -> None:
    device(name)
    losses, parameters = trained(f"qemu:{name}")
    expected, right = trained("host")
    assert losses == expected
    assert list(parameters) == list(right)
    for key, value in right.items():
        assert parameters[key].tobytes() == value.tobytes(), key


def instructions(core: str, dtype: Literal["fp32", "int16"]) -> int:
    compiled = groat.compile(small(), core, train=groat.Train(dtype=dtype))
    report: dict[str, Any] = profile(compiled.packed, f"qemu:{core}", program="train_step")
    print(f"{core} {dtype}: {report['instructions']:,} instructions, arena {report['arena_bytes']:,}")
    return int(report["instructions"])


def test_a_core_without_fpu_takes_a_fraction_of_what_floats_in_software_take() -> None:
    device("cortex-m0")
    assert instructions("cortex-m0", "int16") * 8 < instructions("cortex-m0", "fp32")


def test_no_function_of_floats_is_called(tmp_path: Path) -> None:
    target = device("cortex-m0")
    sources = [*sorted((ROOT / "runtime" / "ops").glob("*_bfp16.c")), ROOT / "runtime" / "ops" / "bfp.c"]
    assert len(sources) == 11
    for source in sources:
        made = tmp_path / f"{source.stem}.o"
        command = [target.compiler.command, *target.compiler.flags, *FLAGS, "-c", str(source), "-o", str(made)]
        subprocess.run(command, check=True, timeout=120)
        symbols = subprocess.run(
            ["arm-none-eabi-nm", "-u", made], check=True, timeout=60, capture_output=True, text=True
        )
        called = {line.split()[-1] for line in symbols.stdout.splitlines()}
        outside = {name for name in called if not name.startswith("groat_")}
        assert outside <= INTEGERS, f"{source.name} calls {outside - INTEGERS}"
