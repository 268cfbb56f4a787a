# SPDX-License-Identifier: Apache-2.0
"""Host and firmware over a serial line: nothing that happens to frames is an error, done twice, or a wrong answer."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz import fuzz
from tests.support import cc
from tests.support.board import ACTIONS, OPS, BadLine, BoardLine, build_board, build_fuzzer
from tests.support.learner import W, X, learner
from tools.tflite_builder import Builder

import groat
from groat import toolchain
from groat.errors import InputError, ModelError, RunnerError
from groat.ops import op_rows
from groat.runners import link as link_module
from groat.runners.frames import Frame, Splitter, load_frames, stuff, unstuff
from groat.runners.host import HostRunner
from groat.runners.link import Line, Link, RestartedError
from groat.runners.port import PortRunner, PortSession
from groat.signing import load_public_key, sign

MODEL = learner()
QUICK = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_board(tmp_path_factory.mktemp("board"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(link_module, "_AGAIN_SECONDS_MAX", 0.05)


@pytest.fixture
def board(program: Path) -> Iterator[BoardLine]:
    line = BoardLine(program)
    yield line
    line.power_off()


def runner(line: Line, model: bytes = MODEL) -> PortRunner:
    return PortRunner("", model, line=line, timeout=10)


# ---- Bytes ----------------------------------------------------------------------------------------------


@given(st.binary(max_size=1200) | st.lists(st.sampled_from([0, 1, 255]), max_size=1200).map(bytes))
def test_stuffing_leaves_no_zero_and_nothing_out(data: bytes) -> None:
    stuffed = stuff(data)
    assert 0 not in stuffed
    assert unstuff(stuffed) == data
    assert len(stuffed) <= len(data) + 1 + len(data) // 254


def test_stuffing_as_it_was_published() -> None:
    assert stuff(b"") == b"\x01"
    assert stuff(b"\0") == b"\x01\x01"
    assert stuff(b"\x11\x22\0\x33") == b"\x03\x11\x22\x02\x33"
    assert stuff(bytes(range(1, 255))) == b"\xff" + bytes(range(1, 255)) + b"\x01"
    assert unstuff(b"\xff" + bytes(range(1, 255))) == bytes(range(1, 255))  # others leave out the last code
    assert unstuff(b"\x03\x11") is None


@given(st.binary(max_size=64), st.integers(0), st.integers(0, 7))
def test_a_frame_that_was_damaged_is_none(payload: bytes, at: int, bit: int) -> None:
    frames = load_frames()
    frame = Frame(0x12345678, 7, 9, frames.DATA, False, payload)
    line = frames.encode(frame)
    assert list(map(frames.decode, Splitter().add(line))) == [frame]
    damaged = bytearray(line)
    damaged[at % len(line)] ^= 1 << bit
    assert frame not in map(frames.decode, Splitter().add(bytes(damaged) + b"\0")) or at % len(line) in (
        0,
        len(line) - 1,
    )


# ---- A good line ------------------------------------------------------------------------------------------


def test_a_model_is_sent_and_answers(board: BoardLine) -> None:
    with runner(board) as device, HostRunner(MODEL) as host:
        assert device.target == "host"
        np.testing.assert_array_equal(device.run([X])[0], host.run([X])[0])
        many = np.stack([X * n for n in range(50)])
        np.testing.assert_array_equal(device.run_batch([many])[0], host.run_batch([many])[0])
        device.select("train_step")
        device.run([X])
        np.testing.assert_array_equal(device.parameters()["w"], W + X)
        device.reset()
        np.testing.assert_array_equal(device.parameters()["w"], W)
        device.set_parameters({"w": X, "v": W[0]})
        np.testing.assert_array_equal(device.parameters()["w"], X)
        device.select("infer")
        traced = [outputs[0] for _, outputs in device.trace([X])]
        np.testing.assert_array_equal(traced[0], X + X)


def test_what_the_firmware_says_of_itself(board: BoardLine) -> None:
    session = PortSession(board)
    about = session.ask_about()
    assert (about.target, about.packing, about.workers, about.place) == ("host", 1, 1, 0)
    assert session.ask_ops() == [row.name for row in op_rows() if row.name in OPS]
    assert [room for _, room in session.ask_memories()] == [1 << 20, 1 << 16]
    with pytest.raises(ModelError, match=r"refused RUN 0: no model is there to be served \(status -60\)"):
        session.ask("RUN")
    session.load(MODEL)
    about = session.ask_about()
    assert (about.place, about.model_bytes) == (2, len(MODEL))
    for command in ("EXIT", "ABOUT"):
        with pytest.raises(ModelError, match="out of range"):
            session.ask(command, 0, b"more than there should be")
    session.close()
    # The same model is not sent again.
    again = PortSession(board)
    assert again.info.open_status == 0
    sent: list[int] = []
    again.close()
    with PortRunner("", MODEL, line=board, progress=lambda what, done, total: sent.append(done)):
        assert sent == []


def test_what_does_not_fit_or_is_not_linked(board: BoardLine) -> None:
    with pytest.raises(ModelError, match=r"built without these ops of the model: add_float16, mul_float16"):
        runner(board, learner("float16"))
    with pytest.raises(InputError, match=r"packed for 'dsp' kernels; the device at the board, a host, has 'ref'"):
        runner(board, learner(packing="dsp"))
    session = PortSession(board)
    with pytest.raises(ModelError, match="no room for a model of this size"):
        session.load(bytes((1 << 20) + 16))


# ---- Loading ----------------------------------------------------------------------------------------------


def test_a_load_goes_on_where_it_was_cut(board: BoardLine) -> None:
    wanted = PortSession(board)._protocol.load("RAM", len(MODEL), zlib.crc32(MODEL))
    first = PortSession(board)
    assert first.ask("LOAD", 0, wanted) == bytes(4)
    first.ask("DATA", 0, MODEL[:100])
    with pytest.raises(ModelError, match="not the bytes of the model that come next"):
        first.ask("DATA", 90, MODEL[90:200])
    with pytest.raises(ModelError, match="not the bytes of the model that come next"):
        first.ask("ACTIVATE")
    with pytest.raises(ModelError, match="not the bytes of the model that come next"):
        first.ask("DATA", 100, MODEL[100:] + b"\0")
    second = PortSession(board)
    assert int.from_bytes(second.ask("LOAD", 0, wanted), "little") == 100
    second.ask("DATA", 100, MODEL[100:])
    second.ask("ACTIVATE")
    assert second.ask_about().model_bytes == len(MODEL)
    with pytest.raises(ModelError, match="some are missing"):
        second.ask("ACTIVATE")


@QUICK
@given(at=st.integers(0, len(MODEL) - 1), bit=st.integers(0, 7))
def test_a_damaged_model_is_never_served(program: Path, at: int, bit: int) -> None:
    line = BoardLine(program)
    damaged = bytearray(MODEL)
    damaged[at] ^= 1 << bit
    session = PortSession(line)
    session.ask("LOAD", 0, session._protocol.load("RAM", len(MODEL), zlib.crc32(MODEL)))
    session.ask("DATA", 0, bytes(damaged))
    with pytest.raises(ModelError, match="the checksum does not match"):
        session.ask("ACTIVATE")
    with pytest.raises(ModelError, match="no model is there"):
        session.ask("RUN")
    with pytest.raises(ModelError, match=r"checksum|not a packed Groat model|shorter|version"):
        session.load(bytes(damaged))  # with the checksum of what is sent, its own does not match
    line.power_off()


# ---- Bad lines --------------------------------------------------------------------------------------------


@settings(QUICK, max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.05, 0.2, 0.4]))
def test_a_bad_line_changes_no_answer(program: Path, seed: int, share: float) -> None:
    board = BoardLine(program)
    line = BadLine(board, seed, share)
    with PortRunner("", MODEL, line=line, timeout=30) as device, HostRunner(MODEL) as host:
        for number in range(4):
            x = X * (number + 1)
            for each in (device, host):
                each.select("train_step")
            # Learning twice from one of them would be seen.
            np.testing.assert_array_equal(device.run([x])[0], host.run([x])[0])
            for name, value in host.parameters().items():
                np.testing.assert_array_equal(device.parameters()[name], value)
            for each in (device, host):
                each.select("infer")
            many = np.stack([x + i for i in range(40)])
            np.testing.assert_array_equal(device.run_batch([many])[0], host.run_batch([many])[0])
    board.power_off()


def test_all_that_a_bad_line_does_was_seen(board: BoardLine) -> None:
    line = BadLine(board, 1, 0.3)
    with PortRunner("", MODEL, line=line, timeout=30) as device:
        for _ in range(20):
            device.run([X])
    assert all(line.happened[action] > 0 for action in ACTIONS), line.happened


def test_a_line_that_is_gone_for_a_while(board: BoardLine) -> None:
    with runner(board) as device:
        device.select("train_step")
        for number in range(5):
            board.unplugged = True
            device.run([X])
            np.testing.assert_allclose(device.parameters()["w"], W + (number + 1) * X, rtol=1e-6)
        assert not board.unplugged


def test_a_board_that_starts_anew_is_told_from_one_that_is_slow(board: BoardLine) -> None:
    with runner(board) as device:
        board.power_off()
        board.power_on()
        with pytest.raises(
            RunnerError, match=r"the board: the device has started anew, at RUN 1\n.* nothing is repeated"
        ):
            device.run([X])
    with runner(board) as device:
        device.run([X])


def test_a_board_that_starts_anew_gets_the_model_again(board: BoardLine) -> None:
    """One that keeps nothing from run to run: in the middle of a batch, too; but not for ever."""
    b = Builder()
    model = groat.compile(b.build([b.add(b.input((8,), "float32"), b.input((8,), "float32"), None)])).packed
    x, y = np.arange(8 * 300, dtype=np.float32).reshape(300, 8), np.ones((300, 8), np.float32)
    with runner(board, model) as device:
        reads, real = iter(range(20)), board.read

        def read(seconds: float) -> bytes:
            if next(reads, None) == 19:
                board.power_off()
                board.power_on()
            return real(seconds)

        board.read = read  # type: ignore[method-assign]
        np.testing.assert_array_equal(device.run_batch([x, y])[0], x + y)
        assert next(reads, None) is None, "the power was never off"
        board.read = real  # type: ignore[method-assign]
        ask, asked = device._session.ask, []

        def restart(command: str, argument: int = 0, data: bytes = b"") -> bytes:
            asked.append(command)
            if command == "RUN":
                board.power_off()
                board.power_on()
            return ask(command, argument, data)

        device._session.ask = restart  # type: ignore[method-assign]
        with pytest.raises(RestartedError, match="the device has started anew, at RUN 300"):
            device.run_batch([x, y])
        assert asked.count("RUN") == 2


def test_a_line_that_stays_gone(board: BoardLine) -> None:
    with PortRunner("", MODEL, line=board, timeout=0.3) as device:
        board.unplugged = True
        board.reopen = lambda: board.read(0)  # type: ignore[method-assign, assignment, return-value]
        with pytest.raises(RunnerError, match=r"did not answer for 0.3 s, at RUN 1; the line is gone: unplugged"):
            device.run([X])


def test_nobody_answers(board: BoardLine) -> None:
    line = BadLine(board, 0, 1.0)
    line._pass = lambda frame, to_device: b""  # type: ignore[method-assign]
    with pytest.raises(RunnerError, match=r"the device did not answer for 0.2 s, at hello"):
        Link(line, timeout=0.2)


def test_another_host_takes_over_in_the_middle_of_a_request(board: BoardLine) -> None:
    session = PortSession(board)
    session.load(MODEL)
    link, protocol = session._link, session._protocol
    link.send(protocol.request("RUN", 1000, 1000 * X.nbytes) + X.tobytes())
    link.receive("some of it")
    with runner(board) as device, HostRunner(MODEL) as host:
        np.testing.assert_array_equal(device.run([X])[0], host.run([X])[0])
    with pytest.raises(RunnerError, match="speaks with another host"):
        session.ask("INFO")


def test_text_between_frames_is_shown_when_the_device_is_gone(board: BoardLine) -> None:
    session = PortSession(board)
    real, said = board.read, [b"\0groat: fault: HardFault at 0x00001234\n\0"]
    board.read = lambda seconds: said.pop() if said else b""  # type: ignore[method-assign]
    session._link._timeout = 0.2
    with pytest.raises(RunnerError, match=r"(?s)at INFO 0; its last output:\ngroat: fault: HardFault at 0x00001234"):
        session.ask_info()
    board.read = real  # type: ignore[method-assign]


# ---- Any bytes --------------------------------------------------------------------------------------------

REQUESTS = st.tuples(st.integers(0, 20), st.sampled_from([0, 1, 2, 100, 2**32 - 1]), st.binary(max_size=40))


@QUICK
@given(st.lists(st.binary(max_size=600) | REQUESTS, max_size=30))
def test_whatever_is_sent_the_firmware_goes_on(program: Path, sent: list[bytes | tuple[int, int, bytes]]) -> None:
    board = BoardLine(program)
    frames = load_frames()
    session = PortSession(board)
    session.load(MODEL)
    number = 0
    for item in sent:
        if isinstance(item, bytes):
            board.write(item)
            continue
        command, argument, data = item
        header = b"".join(value.to_bytes(4, "little") for value in (command, argument, len(data)))
        frame = Frame(7, number, number, frames.DATA, payload=header + data)
        board.write(frames.encode(Frame(7, 0, 0, frames.HELLO)) + frames.encode(frame))
        number += 1
    with runner(board) as device:
        np.testing.assert_array_equal(device.run([X])[0], HostRunner(MODEL).run([X])[0])
    board.power_off()


@pytest.mark.slow
@pytest.mark.parametrize("is_signed", [False, True])
def test_fuzzing_the_line_for_a_minute_finds_nothing(is_signed: bool, tmp_path: Path) -> None:
    """Nor that anything is served but what was sent in order, and signed where that is asked for."""
    if shutil.which(fuzz.CLANG) is None:
        pytest.skip(f"{fuzz.CLANG} is missing: {toolchain.install_command([fuzz.CLANG])}")
    model, public_key = MODEL, None
    if is_signed:
        key = tmp_path / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, timeout=60)
        model, public_key = sign(MODEL, key), load_public_key(key)
    (tmp_path / "corpus").mkdir()
    for number in range(4):
        in_order = bytes([3, number & 1, 2, 3, 1, 24, *X.tobytes(), 2, 14 + number, 1, 0])
        spoilt = bytes([4, number & 1, 0, 40 + number, 1, number])
        (tmp_path / "corpus" / f"order-{number}").write_bytes(in_order)
        (tmp_path / "corpus" / f"spoilt-{number}").write_bytes(in_order + spoilt + in_order[2:])
    program = build_fuzzer(tmp_path, model, public_key)
    limits = ["-max_len=2000", "-timeout=10", "-max_total_time=60", f"-artifact_prefix={tmp_path}/"]
    done = cc.run(program, [*limits, tmp_path / "corpus"], timeout=180)
    assert done.code == 0, done.output[-4000:]
