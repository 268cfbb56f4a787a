# SPDX-License-Identifier: Apache-2.0
"""Trained parameters: read out of a model, written back, kept in files and in flash, and put into a TFLite model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite
from tests.support.flash import Flash, Store
from tests.support.learner import HASH, RNG, V, W, X, learner
from tools.tflite_builder import Builder

import groat
from groat.errors import InputError
from groat.runners.host import HostRunner
from groat.train.export import to_tflite
from groat.train.parameters import load_parameters, save_parameters


@pytest.fixture
def runner() -> Iterator[HostRunner]:
    with HostRunner(learner()) as opened:
        yield opened


def learn(runner: HostRunner) -> None:
    runner.select("train_step")
    runner.run([X])
    runner.select("infer")


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    return list(found) == list(expected) and all(
        found[name].dtype == expected[name].dtype and np.array_equal(found[name], expected[name]) for name in expected
    )


# ---- Reading and writing ---------------------------------------------------------------------------------------


def test_parameters_are_read_as_they_are_and_written_back(runner: HostRunner) -> None:
    assert same(runner.parameters(), {"w": W, "v": V})
    learn(runner)
    learned = runner.parameters()
    assert same(learned, {"w": W + X, "v": V})
    np.testing.assert_array_equal(runner.run([X])[0], (X + (W + X)) * V)
    runner.reset()
    assert same(runner.parameters(), {"w": W, "v": V})
    runner.set_parameters(learned)
    assert same(runner.parameters(), learned)
    np.testing.assert_array_equal(runner.run([X])[0], (X + (W + X)) * V)


def test_what_the_optimizer_remembers_stays(runner: HostRunner) -> None:
    learn(runner)
    runner.set_parameters({"w": W, "v": V})
    index = runner.model.states[2].tensor.tensor_id
    np.testing.assert_array_equal(runner.tensor(index), X)


def test_parameters_of_another_float_type_are_converted() -> None:
    with HostRunner(learner("float16")) as half:
        half.set_parameters({"w": W, "v": V})
        assert same(half.parameters(), {"w": W.astype(np.float16), "v": V.astype(np.float16)})
        with pytest.raises(InputError, match="parameter 'w' has a value that is not a finite number in float16"):
            half.set_parameters({"w": W + 70000, "v": V})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"w": np.full((2, 3), np.nan, np.float32)},
            "parameter 'w' has a value that is not a finite number in float32",
        ),
        ({"v": np.float32([1, np.inf, 2])}, "parameter 'v' has a value that is not a finite number"),
        ({"v": np.zeros(4, np.float32)}, r"parameter 'v': expected float32\[3\], found float32\[4\]"),
        ({"v": np.zeros(3, np.int8)}, r"parameter 'v': expected float32\[3\], found int8\[3\]"),
        ({"u": V}, "found 'u', which the model does not train; expected 'w', 'v'"),
        ({"v": None}, "found no 'v'; expected 'w', 'v'"),
    ],
)
def test_parameters_that_do_not_fit_change_nothing(runner: HostRunner, change: dict[str, Any], message: str) -> None:
    given = {"w": W + 1, "v": V} | change
    with pytest.raises(InputError, match=message):
        runner.set_parameters({name: value for name, value in given.items() if value is not None})
    assert same(runner.parameters(), {"w": W, "v": V})


def test_names_that_are_missing_or_doubled_are_told_apart() -> None:
    for names, expected in [(("w", "w"), ["w#0", "w#1"]), (("", "v"), ["#0", "v"])]:
        with HostRunner(learner(names=names)) as runner:
            assert list(runner.parameters()) == expected
            runner.set_parameters(runner.parameters())


def test_a_model_that_does_not_learn_has_none() -> None:
    m = Builder()
    packed = groat.compile(m.build([m.relu(m.input((1, 4), "float32"))])).packed
    with HostRunner(packed) as runner:
        assert runner.parameters() == {}
        runner.set_parameters({})
        with pytest.raises(InputError, match="found 'w', which the model does not train; expected none"):
            runner.set_parameters({"w": W})


# ---- Files -----------------------------------------------------------------------------------------------------


def test_a_file_of_parameters(runner: HostRunner, tmp_path: Path) -> None:
    learn(runner)
    save_parameters(tmp_path / "p.npz", runner.model, runner.parameters())
    assert [path.name for path in tmp_path.iterdir()] == ["p.npz"]
    loaded = load_parameters(tmp_path / "p.npz", runner.model)
    assert same(loaded, {"w": W + X, "v": V})
    runner.reset()
    runner.set_parameters(loaded)
    assert same(runner.parameters(), loaded)


def test_a_file_that_does_not_fit_is_refused(runner: HostRunner, tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    save_parameters(path, runner.model, runner.parameters())
    other = dataclasses.replace(runner.model, source_hash=bytes(8))
    hashes = f"its hash is {HASH[:8].hex()}, expected {bytes(8).hex()}"
    with pytest.raises(InputError, match=f"p.npz: holds parameters of another model: {hashes}"):
        load_parameters(path, other)
    with HostRunner(learner(names=("w", "u"))) as renamed, pytest.raises(InputError, match="found no 'u'; 'v', which"):
        load_parameters(path, renamed.model)
    with pytest.raises(InputError, match="found no 'v'"):
        save_parameters(path, runner.model, {"w": W})
    np.savez(path, w=W, v=V)
    with pytest.raises(InputError, match="does not say which model it is of"):
        load_parameters(path, runner.model)


def test_a_file_that_cannot_be_read_is_refused(runner: HostRunner, tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    with pytest.raises(InputError, match=r"cannot be read as a \.npz file of parameters"):
        load_parameters(path, runner.model)
    save_parameters(path, runner.model, runner.parameters())
    whole = path.read_bytes()
    for damaged in (b"", b"x" * 100, whole[:30], whole[:-40], whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"cannot be read as a \.npz file of parameters"):
            load_parameters(path, runner.model)
    np.save(tmp_path / "p.npy", W)
    with pytest.raises(InputError, match=r"cannot be read as a \.npz file of parameters"):
        load_parameters(tmp_path / "p.npy", runner.model)
    with pytest.raises(InputError, match="cannot write"):
        save_parameters(tmp_path / "no" / "p.npz", runner.model, runner.parameters())


# ---- Flash -----------------------------------------------------------------------------------------------------


class Board:
    """A C user's device: model, arena and flash."""

    def __init__(self, store: Store, packed: bytes) -> None:
        self.lib, self.ffi = store.lib, store.ffi
        self.packed = self._aligned(len(packed))
        self.ffi.buffer(self.packed, len(packed))[:] = packed
        self.net = self.ffi.new("groat_t *")
        arena_bytes = self.lib.groat_arena_bytes(self.packed, len(packed))
        arena = self._aligned(arena_bytes)
        assert self.lib.groat_open(self.net, self.packed, len(packed), arena, arena_bytes) == self.lib.GROAT_OK

    def _aligned(self, count: int) -> Any:
        block = self.ffi.new("uint8_t[]", count + 16)
        self._keep = [*getattr(self, "_keep", []), block]
        return block + -int(self.ffi.cast("uintptr_t", block)) % 16

    def state(self, index: int) -> Any:
        data = self.lib.groat_state_data(self.net, index)
        return np.frombuffer(self.ffi.buffer(data, self.lib.groat_state_bytes(self.net, index)), np.float32)

    def learn(self) -> None:
        assert self.lib.groat_select(self.net, self.lib.groat_find_program(self.net, b"train_step")) == 0
        self.ffi.memmove(self.lib.groat_input(self.net, 0), X.tobytes(), X.nbytes)
        self.lib.groat_run(self.net)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def test_training_and_power_cuts(store: Store) -> None:
    """Open, restore, learn, commit with a cut in each step, start again: what was learnt last, or all but that."""
    flash = Flash(2 * 256, 128, 8)
    port = store.port(flash)
    packed = learner()
    board = Board(store, packed)
    assert store.lib.groat_restore(board.net, port) == store.lib.GROAT_E_STORE_EMPTY
    learnt = 0
    cut = 0
    for _ in range(60):
        board.learn()
        flash.power_on(cut, cut)
        status = store.lib.groat_commit(board.net, port)
        was_cut = flash.is_off
        flash.power_on()
        board = Board(store, packed)
        restored = store.lib.groat_restore(board.net, port)
        w = W.copy()
        for _ in range(learnt):
            w += X
        learns = not np.array_equal(board.state(0), w.ravel())
        np.testing.assert_array_equal(board.state(0), (w + X if learns else w).ravel())
        np.testing.assert_array_equal(board.state(1), V)
        np.testing.assert_array_equal(board.state(2), np.zeros(6))
        if not was_cut:
            assert (status, learns) == (store.lib.GROAT_OK, True)
        learnt += learns
        assert restored == (store.lib.GROAT_OK if learnt else store.lib.GROAT_E_STORE_EMPTY)
        cut = cut + 1 if was_cut else 0
    assert learnt >= 4
    assert flash.mistakes == []


def test_parameters_survive_another_build_of_the_model_but_not_another_model(store: Store) -> None:
    flash = Flash(2 * 256, 128, 8)
    port = store.port(flash)
    board = Board(store, learner())
    store.lib.groat_reset_states(board.net)
    board.learn()
    assert store.lib.groat_commit(board.net, port) == store.lib.GROAT_OK
    again = Board(store, learner(names=("renamed", "too")))
    assert store.lib.groat_restore(again.net, port) == store.lib.GROAT_OK
    np.testing.assert_array_equal(again.state(0), (W + X).ravel())
    for other in (Board(store, learner(source_hash=bytes(32))), Board(store, learner("float16"))):
        assert store.lib.groat_restore(other.net, port) == store.lib.GROAT_E_STORE_MODEL
    np.testing.assert_array_equal(Board(store, learner()).state(0), np.zeros(6))
    other = Board(store, learner(source_hash=bytes(32)))
    assert store.lib.groat_restore(other.net, port) == store.lib.GROAT_E_STORE_MODEL
    np.testing.assert_array_equal(other.state(0), W.ravel())


def test_a_model_that_trains_nothing_commits_nothing(store: Store) -> None:
    m = Builder()
    board = Board(store, groat.compile(m.build([m.relu(m.input((1, 4), "float32"))])).packed)
    port = store.port(Flash(2 * 256, 128, 8))
    assert store.lib.groat_commit(board.net, port) == store.lib.GROAT_E_ARGUMENT
    assert store.lib.groat_restore(board.net, port) == store.lib.GROAT_E_ARGUMENT


def test_flash_that_fails_while_it_is_read_leaves_the_initial_parameters(store: Store) -> None:
    flash = Flash(2 * 256, 128, 8)
    port = store.port(flash)
    board = Board(store, learner())
    store.lib.groat_reset_states(board.net)
    board.learn()
    assert store.lib.groat_commit(board.net, port) == store.lib.GROAT_OK
    flash.reads_until_flip = 3  # record and parameters, the other slot's record; then what is restored
    assert store.lib.groat_restore(board.net, port) == store.lib.GROAT_E_FLASH
    np.testing.assert_array_equal(board.state(0), W.ravel())


# ---- Back into the model ------------------------------------------------------------------------------------------


def dense(weights: Any, bias: Any) -> bytes:
    m = Builder()
    x = m.input((1, 4), "float32")
    return m.build([m.fully_connected(x, weights, bias, None, None, name="y")])


def constants_of(model: bytes) -> dict[str, Any]:
    graph = groat.load(model).graph
    return {tensor.name: tensor.data for tensor in graph.tensors.values() if tensor.data is not None}


def test_trained_values_go_into_the_model_they_came_from() -> None:
    weights, bias = RNG.normal(size=(3, 4)).astype(np.float32), np.ones(3, np.float32)
    model = dense(weights, bias)
    names = {data.shape: name for name, data in constants_of(model).items()}
    trained = {names[(3, 4)]: (weights * 2).astype(np.float64)}
    changed = to_tflite(model, trained)
    assert len(changed) == len(model)
    assert changed == dense(weights * 2, bias)
    x = RNG.normal(size=(1, 4)).astype(np.float32)
    np.testing.assert_allclose(groat.compile(changed).run(x), x @ (weights * 2).T + bias, rtol=1e-5)
    assert to_tflite(model, {}) == model
    assert model == dense(weights, bias)


def test_values_that_do_not_fit_the_model_are_refused(tmp_path: Path) -> None:
    weights, bias = RNG.normal(size=(3, 4)).astype(np.float32), np.ones(3, np.float32)
    path = tmp_path / "dense.tflite"
    path.write_bytes(dense(weights, bias))
    name = next(name for name, data in constants_of(path.read_bytes()).items() if data.shape == (3, 4))
    with pytest.raises(InputError, match=r"dense\.tflite has 0 constants of the name 'w'"):
        to_tflite(path, {"w": weights})
    with pytest.raises(InputError, match="has 0 constants of the name 'y'"):
        to_tflite(path, {"y": np.zeros((1, 3), np.float32)})
    with pytest.raises(InputError, match=r"expected float32\[3, 4\], found float32\[4, 3\]"):
        to_tflite(path, {name: weights.T})
    with pytest.raises(InputError, match="not a finite number"):
        to_tflite(path, {name: weights * np.nan})


def test_a_constant_that_others_share_is_not_changed() -> None:
    m = Builder()
    x = m.input((1, 3), "float32")
    shared = m.constant(np.float32([1, 2, 3]), name="shared")
    model = bytearray(m.build([m.add(m.add(x, shared, None), m.constant(np.float32([4, 5, 6]), name="own"), None)]))
    assert to_tflite(bytes(model), {"own": np.float32([7, 8, 9])}).count(np.float32([7, 8, 9]).tobytes()) == 1
    model_with_alias = alias(bytes(model), "own", "shared")
    with pytest.raises(InputError, match="the bytes of constant 'shared' are also those of another one"):
        to_tflite(model_with_alias, {"shared": np.float32([7, 8, 9])})


def alias(model: bytes, name: str, other: str) -> bytes:
    """The model with one tensor reading the buffer of another."""
    graph = tflite.Model.GetRootAsModel(model, 0).Subgraphs(0)
    tensors = {graph.Tensors(i).Name().decode(): graph.Tensors(i) for i in range(graph.TensorsLength())}
    table = tensors[name]._tab
    at = table.Pos + table.Offset(8)  # `buffer`, the third field of the schema's Tensor
    changed = bytearray(model)
    changed[at : at + 4] = tensors[other].Buffer().to_bytes(4, "little")
    return bytes(changed)
