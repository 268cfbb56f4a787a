# SPDX-License-Identifier: Apache-2.0
"""Emulated boards that serve only what their owner signed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.learner import X, learner

from groat import firmware
from groat.errors import ModelError
from groat.pack import read
from groat.runners.host import HostRunner
from groat.runners.port import PortSession, SerialLine
from groat.runners.qemu import serving
from groat.signing import load_public_key, sign

pytestmark = pytest.mark.qemu
CODE_BYTES = 10 * 1024  # that checking signatures adds to firmware for a Cortex-M4


@pytest.mark.parametrize("name", ["cortex-m4", "rv32imc"])
def test_a_board_serves_what_is_signed(name: str, tmp_path: Path) -> None:
    target, model = device(name), learner(packing="dsp" if name == "cortex-m4" else "scalar")
    keys = [tmp_path / "own.pem", tmp_path / "other.pem"]
    for key in keys:
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, timeout=60)
    ops = {step.op for step in read(model).all_steps}
    image = firmware.build(target, ops=ops, serve="serial", public_key=load_public_key(keys[0]))
    plain = firmware.build(target, ops=ops, serve="serial")
    if name == "cortex-m4":
        assert image.code_bytes - plain.code_bytes <= CODE_BYTES
    ram = tmp_path / "ram"
    for load in (True, False):
        with serving(target, image.path, ram=ram) as where:
            session = PortSession(SerialLine(where.removeprefix("serial:")))
            if load:
                session.load(sign(model, keys[0]), "SLOT")
            for forged in (model, sign(model, keys[1])):
                with pytest.raises(ModelError, match="no signature, or none by the key that the firmware trusts"):
                    session.load(forged, "SLOT")
            y = np.frombuffer(session.ask("RUN", 1, X.tobytes()), np.float32)
            np.testing.assert_array_equal(y, HostRunner(learner()).run([X])[0].ravel())
