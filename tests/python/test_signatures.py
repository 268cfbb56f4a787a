# SPDX-License-Identifier: Apache-2.0
"""Models that their owner signed, and firmware that serves no others."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import cc
from tests.support.board import BadLine, BoardLine, build_board
from tests.support.command import Groat
from tests.support.learner import X, learner

from groat import firmware, monocypher
from groat.errors import InputError, ModelError, ToolchainError
from groat.runners import link as link_module
from groat.runners.host import HostRunner
from groat.runners.port import PortRunner, PortSession
from groat.signing import is_signed, load_public_key, sign
from groat.targets import load_target

MODEL, OTHER = learner(), learner(names=("a", "b"))
DAMAGED = "checksum|not a packed Groat model|shorter|version|no signature"
REFUSED = r"the model has no signature, or none by the key that the firmware trusts \(status -64\)"


def make_key(path: Path, kind: str = "ed25519") -> Path:
    subprocess.run(["openssl", "genpkey", "-algorithm", kind, "-out", path], check=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="module")
def signed(key: Path) -> bytes:
    return sign(MODEL, key)


@pytest.fixture(scope="module")
def program(key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_board(tmp_path_factory.mktemp("board"), load_public_key(key))


@pytest.fixture
def board(program: Path) -> Iterator[BoardLine]:
    line = BoardLine(program)
    yield line
    line.power_off()


# ---- Firmware ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["RAM", "SLOT"])
def test_a_signed_model_is_served(board: BoardLine, signed: bytes, place: str) -> None:
    PortSession(board).load(signed, place)
    sent: list[int] = []
    with PortRunner("", signed, line=board, progress=lambda *told: sent.append(1)) as device:
        assert not sent  # it serves that model already
        np.testing.assert_array_equal(device.run([X])[0], HostRunner(MODEL).run([X])[0])


def forgeries(signed: bytes, tmp_path: Path) -> dict[str, bytes]:
    signature = signed[len(MODEL) :]
    return {
        "unsigned": MODEL,
        "by another key": sign(MODEL, make_key(tmp_path / "other.pem")),
        "of another model": OTHER + signature,
        "cut": signed[:-1],
        "more behind it": signed + bytes(4),
        "the same twice": signed + signature,
        "zeros": MODEL + bytes(64),
        # The second half is a number below the order of the group: this one, plus the order, means the same.
        "malleable": MODEL + signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little"),
    }


ORDER = 2**252 + 27742317777372353535851937790883648493


def test_no_other_is_served_nor_replaces_one(board: BoardLine, signed: bytes, tmp_path: Path) -> None:
    session = PortSession(board)
    session.load(signed, "SLOT")
    about = session.ask_about()
    for forged in forgeries(signed, tmp_path).values():
        with pytest.raises(ModelError, match=REFUSED):
            session.load(forged, "SLOT")
        assert session.ask_about() == about
        assert [slot.state for slot in session.ask_slots()] == [2, 0]
        session.ask("RUN", 1, X.tobytes())
    board.power_off()
    board.power_on()
    session = PortSession(board)
    assert session.ask_about() == about
    for forged in forgeries(signed, tmp_path).values():
        with pytest.raises(ModelError, match=REFUSED):
            session.load(forged, "RAM")
        with pytest.raises(ModelError, match="no model is there"):
            session.ask("RUN", 1, X.tobytes())


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(MODEL) + 63), bit=st.integers(0, 7))
def test_any_bit_counts(program: Path, signed: bytes, at: int, bit: int) -> None:
    forged = bytearray(signed)
    forged[at] ^= 1 << bit
    line = BoardLine(program)
    with pytest.raises(ModelError, match=REFUSED if at >= len(MODEL) else DAMAGED):
        PortSession(line).load(bytes(forged), "SLOT")
    assert PortSession(line).ask_about().place == 0
    line.power_off()


def test_what_firmware_without_a_key_wrote_is_not_believed(board: BoardLine, signed: bytes, tmp_path: Path) -> None:
    """A slot is checked again at each start, and before it is gone back to."""
    careless = BoardLine(build_board(tmp_path))
    PortSession(careless).load(MODEL, "SLOT")
    PortSession(careless).load(signed, "SLOT")  # for it, just a model
    careless.power_off()
    board.power_off()
    board.flash = careless.flash
    board.power_on()
    session = PortSession(board)
    assert [slot.state for slot in session.ask_slots()] == [2, 1]
    with pytest.raises(ModelError, match=REFUSED):
        session.ask("ROLLBACK")
    session.ask("RUN", 1, X.tobytes())
    # The newest is the one without a signature: the one before is served.
    board.power_off()
    careless = BoardLine(careless._program)
    PortSession(careless).load(signed, "SLOT")
    PortSession(careless).load(MODEL, "SLOT")
    careless.power_off()
    board.flash = careless.flash
    board.power_on()
    session = PortSession(board)
    assert [slot.state for slot in session.ask_slots()] == [1, 2]


def test_a_bad_line_changes_nothing_of_it(board: BoardLine, signed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(link_module, "_AGAIN_SECONDS_MAX", 0.05)
    line = BadLine(board, 3, 0.3)
    session = PortSession(line, timeout=30)
    for _ in range(3):
        session.load(signed, "SLOT")
        for forged in (MODEL, MODEL + bytes(64)):
            with pytest.raises(ModelError, match=REFUSED):
                session.load(forged, "SLOT")
        session.ask("RUN", 1, X.tobytes())
    assert sum(line.happened.values()) > 10


HASH_PROGRAM = r"""
#include <stdio.h>
#include "sha512.h"
int main(void)
{
    static uint8_t data[300];
    for (uint32_t count = 0; count <= sizeof data; count++) {
        groat_sha512 hash;
        uint8_t digest[GROAT_SHA512_BYTES];
        groat_sha512_begin(&hash);
        groat_sha512_add(&hash, data, count / 3);
        groat_sha512_add(&hash, data + count / 3, count - count / 3);
        groat_sha512_end(&hash, digest);
        for (uint32_t i = 0; i < sizeof digest; i++) {
            printf("%02x", digest[i]);
        }
        printf("\n");
        if (count < sizeof data) {
            data[count] = (uint8_t)(count * 7);
        }
    }
}
"""


def test_the_hash_is_sha_512(tmp_path: Path) -> None:
    folder = cc.ROOT / "firmware" / "signature"
    (tmp_path / "main.c").write_text(HASH_PROGRAM, encoding="utf-8")
    program = cc.build(tmp_path / "hash", [tmp_path / "main.c", folder / "sha512.c"], [*cc.SANITIZERS, f"-I{folder}"])
    found = cc.run(program).output.split()
    data = bytes(count * 7 % 256 for count in range(300))
    assert found == [hashlib.sha512(data[:count]).hexdigest() for count in range(301)]


# ---- Signing ----------------------------------------------------------------------------------------------


def test_a_signature_is_that_of_openssl(signed: bytes, key: Path, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(MODEL)
    command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", tmp_path / "model"]
    done = subprocess.run([*command, "-out", tmp_path / "signature"], timeout=60, check=False)
    assert done.returncode == 0
    assert signed == MODEL + (tmp_path / "signature").read_bytes()
    assert is_signed(signed)
    assert not is_signed(MODEL)
    assert sign(signed, key) == signed
    with HostRunner(signed) as host:  # what does not look at the signature does not mind it
        host.run([X])


def test_the_command(groat_command: Groat, signed: bytes, key: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "m.groat", tmp_path / "signed.groat"
    path.write_bytes(MODEL)
    report = groat_command.json("sign", path, "--key", key, "-o", other)
    assert report == {"output": str(other), "file_bytes": len(signed), "public_key": load_public_key(key).hex()}
    assert (path.read_bytes(), other.read_bytes()) == (MODEL, signed)
    groat_command.json("sign", path, "--key", key)
    assert path.read_bytes() == signed
    path.write_bytes(MODEL[:-1])
    assert "m.groat: the file is shorter than its header says" in groat_command.fails(3, "sign", path, "--key", key)


def test_keys(key: Path, tmp_path: Path) -> None:
    public = tmp_path / "public.pem"
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, timeout=60)
    assert load_public_key(public) == load_public_key(key)
    assert len(load_public_key(key)) == 32
    with pytest.raises(InputError, match=r"public\.pem holds no private key in PEM .*openssl genpkey"):
        sign(MODEL, public)
    with pytest.raises(InputError, match="nothing: No such file"):
        load_public_key(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"a key of another kind, .*X25519.*; expected Ed25519"):
        load_public_key(make_key(tmp_path / "x25519.pem", "x25519"))
    (tmp_path / "none.pem").write_text("no key", encoding="utf-8")
    with pytest.raises(InputError, match=r"none\.pem holds no public key in PEM"):
        load_public_key(tmp_path / "none.pem")


def test_keys_that_no_firmware_takes() -> None:
    target = load_target("cortex-m4")
    with pytest.raises(InputError, match="a public key of 31 bytes; expected 32"):
        firmware.build(target, serve="serial", public_key=bytes(31))
    with pytest.raises(InputError, match="this one serves its own"):
        firmware.build(target, public_key=bytes(32))


# ---- Where the curve comes from ---------------------------------------------------------------------------


def archive(text: bytes) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as files:
        for name in ("monocypher.c", "monocypher.h", "LICENSE.txt"):
            info = tarfile.TarInfo(f"pymonocypher-{monocypher._VERSION}/{name}")
            info.size = len(text)
            files.addfile(info, io.BytesIO(text))
    return data.getvalue()


def test_the_curve_is_downloaded_once_and_only_as_it_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"-m groat.monocypher\nwhich downloads pymonocypher 4"):
        monocypher.find()
    commands: list[list[str]] = []
    came = archive(b"curve")

    def pip(command: list[str], **how: Any) -> SimpleNamespace:
        commands.append(command)
        (Path(command[command.index("--dest") + 1]) / monocypher._ARCHIVE).write_bytes(came)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(monocypher.subprocess, "run", pip)
    with pytest.raises(ToolchainError, match=r"has the SHA-256 [0-9a-f]{64}, expected 5e56"):
        monocypher.fetch()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(monocypher, "_SHA256", hashlib.sha256(came).hexdigest())
    folder = monocypher.fetch()
    assert (folder / "monocypher.c").read_bytes() == b"curve"
    assert (monocypher.fetch(), monocypher.find(), len(commands)) == (folder, folder, 2)
    assert commands[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert f"pymonocypher=={monocypher._VERSION}" in commands[0]


def test_a_download_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROAT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(ToolchainError, match="exit code 1 from false -m pip download"):
        monocypher.fetch()
