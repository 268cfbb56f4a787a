# SPDX-License-Identifier: Apache-2.0
"""What boards have beside a core and a serial line, where QEMU has it too: flash, a watchdog, a light."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.devices import device
from tests.support.learner import X, learner
from tests.support.qmp import Monitor, with_monitor

from groat import firmware
from groat.boards import load_board
from groat.errors import FitError, ModelError, RunnerError
from groat.pack import read
from groat.pack.reader import checksum
from groat.runners.host import HostRunner
from groat.runners.port import PortSession, SerialLine
from groat.runners.qemu import serving
from groat.targets import Target, Watchdog

pytestmark = pytest.mark.qemu
WATCHDOG = Watchdog("cmsdk_watchdog", seconds=2, address=0x40008000, clock=25_000_000)
GPIO_OUT, ROW = 0x50000504, 1 << 13


@contextmanager
def monitored(target: Target, model: bytes, folder: Path) -> Iterator[tuple[PortSession, Monitor]]:
    """A target that serves, with the ops of a model, and its monitor."""
    ops = {step.op for step in read(model).all_steps}
    path = folder / "qmp"
    with serving(with_monitor(target, path), firmware.build(target, ops=ops, serve="serial").path) as where:
        monitor = Monitor(path)
        try:
            yield PortSession(SerialLine(where.removeprefix("serial:"))), monitor
        finally:
            monitor.close()


def anew(session: PortSession) -> PortSession:
    session.close()
    return PortSession(SerialLine(session.name.removeprefix("serial:")))


def test_an_nrf51_keeps_models_in_its_flash(tmp_path: Path) -> None:
    models = [learner(packing="scalar"), learner(names=("a", "b"), packing="scalar")]
    with monitored(device("cortex-m0"), models[0], tmp_path) as (session, monitor):
        for model in models:
            session.load(model, "SLOT")
            monitor.reset()
            session = anew(session)
            about = session.ask_about()
            assert (about.place, about.model_crc) == (3, checksum(model))
            y = np.frombuffer(session.ask("RUN", 1, X.tobytes()), np.float32)
            np.testing.assert_array_equal(y, HostRunner(learner()).run([X])[0].ravel())
        damaged = bytearray(models[0])
        damaged[100] ^= 1
        with pytest.raises(ModelError, match="checksum"):
            session.load(bytes(damaged), "SLOT")
        session.load(models[0], "SLOT")
        session.ask("ROLLBACK")
        monitor.reset()
        assert anew(session).ask_about().model_crc == checksum(models[1])


def test_a_model_in_the_image_leaves_room_for_the_slots(tmp_path: Path) -> None:
    target = device("cortex-m0")
    assert target.slots is not None
    with pytest.raises(FitError, match="'flash' of 163,840 bytes, is too small"):
        firmware.build(target, ops=["add_float32"], serve="serial", model=bytes(target.slots.address))


# ---- Watchdog ---------------------------------------------------------------------------------------------


def test_a_watchdog_restarts_what_hangs(tmp_path: Path) -> None:
    (tmp_path / "hangs.c").write_text("void groat_board_work(void) { for (;;) { } }", encoding="utf-8")
    target = replace(device("cortex-m4"), watchdog=WATCHDOG, board=("hangs.c",), folder=tmp_path)
    model = learner(packing="dsp")
    with monitored(target, model, tmp_path) as (session, _):
        session.load(model)
        with pytest.raises(RunnerError, match=r"started anew, .*; its last output:\ngroat: fault: NMI"):
            session.ask("RUN", 1, X.tobytes())
        with pytest.raises(ModelError, match="no model is there"):
            anew(session).ask("RUN", 1, X.tobytes())


SLOW = """
#include <groat/groat.h>
#include "port.h"
void groat_board_work(void)
{
    for (uint64_t start = groat_counter_read(); groat_counter_since(start) < SLOW_TICKS;) {
    }
}
"""


def test_a_watchdog_leaves_what_works_alone(tmp_path: Path) -> None:
    """While it waits, and while it runs a model whose two steps take longer together than the watchdog waits."""
    target = device("cortex-m4")
    assert target.counter is not None
    ticks = round(0.7 * WATCHDOG.seconds * 1e9 / target.counter.ns_per_tick)
    (tmp_path / "slow.c").write_text(SLOW.replace("SLOW_TICKS", f"{ticks}u"), encoding="utf-8")
    target = replace(target, watchdog=WATCHDOG, board=("slow.c",), folder=tmp_path)
    model = learner(packing="dsp")
    with monitored(target, model, tmp_path) as (session, _):
        session.load(model)
        time.sleep(1.2 * WATCHDOG.seconds)
        started = time.monotonic()
        y = np.frombuffer(session.ask("RUN", 1, X.tobytes()), np.float32)
        assert time.monotonic() - started > WATCHDOG.seconds
        np.testing.assert_array_equal(y, HostRunner(learner()).run([X])[0].ravel())


# ---- Light ------------------------------------------------------------------------------------------------


def test_a_light_blinks_while_the_board_waits(tmp_path: Path) -> None:
    target = replace(device("cortex-m0"), light=load_board("microbit").target.light)
    model = learner(packing="scalar")
    with monitored(target, model, tmp_path) as (session, monitor):
        session.load(model, "SLOT")
        seen: set[bool] = set()
        until = time.monotonic() + 30
        while seen != {False, True}:
            assert time.monotonic() < until, seen
            seen.add(monitor.word_at(GPIO_OUT) & ROW != 0)
            time.sleep(0.1)
