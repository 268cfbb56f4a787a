# SPDX-License-Identifier: Apache-2.0
"""Damaged constants of layers in every kernel set: groat_open refuses the file, or running it is defined.

Each set is built with the sanitizers here, from the files that devices run, and replays models whose weights and
channels' constants were changed in one place each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.fuzz import fuzz
from tests.golden.edit import Editor
from tests.support import cc
from tests.support.single_layers import LAYERS, model

import groat
from groat.isa import PACKINGS, core
from groat.targets import list_targets, load_target

SETS = [packing for packing in PACKINGS if packing != "ref"]
TARGET_OF = {load_target(name).packing: name for name in list_targets()}
FILES = 80  # of each model
HOSTILE = (0, 1, 2, 3, 5, 31, 32, 33, 63, 64, 96, 127, 128, 159, 255, 256, -1, -30, -31, -32, -33, 1 << 15, 1 << 31)


def damaged(packed: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """The file with one word, halfword or byte of its constants changed: every place where channels' constants start,
    then any."""
    params = Editor(packed).record("params", 0)
    first, channels = min(params.weights, params.channels), params.channels
    for n in range(FILES):
        data = bytearray(packed)
        width = int(rng.choice([1, 2, 4]))
        value = int(rng.choice(HOSTILE)) if n % 4 else int(rng.integers(1 << 32))
        at = channels + n // 2 * 4 if n < FILES // 2 else int(rng.integers(first, len(packed) - 4))
        at = min(at, len(packed) - 4) // width * width
        data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, "little")
        yield bytes(data)


@pytest.fixture(scope="module", params=SETS)
def replay(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A kernel set and the program that opens and runs files with it."""
    isa: str = request.param
    folder = tmp_path_factory.mktemp(f"damaged_{isa}")
    flags = [*cc.SANITIZERS, f"-DGROAT_ISA_{isa.upper()}", f"-I{cc.ROOT / 'bindings' / 'emulate'}"]
    (folder / "set").mkdir()
    kernels = sorted((cc.RUNTIME / "kernels" / isa).glob("*.c"))
    runtime = cc.objects(folder, cc.runtime_files(), flags) + cc.objects(folder / "set", kernels, flags)
    return isa, fuzz.build_replay(folder, runtime)


@pytest.mark.parametrize("layer", LAYERS)
def test_damage_is_refused_or_defined(replay: tuple[str, Path], layer: str, tmp_path: Path) -> None:
    isa, program = replay
    packed = groat.compile(model(layer), target=TARGET_OF[isa]).packed
    rng = np.random.default_rng(len(packed))
    files, opened = [], 0
    for number, data in enumerate(damaged(packed, rng)):
        files.append(tmp_path / f"{number}.groat")
        files[-1].write_bytes(data)
        opened += core(isa).Model.open_status(data, 1 << 16) == 0
    done = cc.run(program, files)
    assert done.code == 0, done.output[-3000:]
    assert 0 < opened < len(files)
