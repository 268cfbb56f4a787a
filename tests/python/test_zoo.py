# SPDX-License-Identifier: Apache-2.0
"""The model zoo: structures as published, what comes along, training, bad input; the zoo's models on devices are in
tests/qemu/test_zoo_qemu.py."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.command import Groat
from tests.support.zoo import LARGE, built, movements, words
from tools.zoo_figures import PAGE, page

import groat
from groat.errors import InputError, ToolchainError
from groat.zoo import NAMES, entry, figures, motion, pictures, sounds
from groat.zoo.building import build
from groat.zoo.weights import COMPONENTS, described, read_weights, save_weights

each_model = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in NAMES]
)


def macs_of(name: str, classes: int, shape: tuple[int, ...]) -> int:
    """Of a network for another shape of inputs, or number of classes, than the zoo's."""
    module = entry(name).module(classes).eval()
    found: int = groat.compile(groat.load(module, torch.zeros(shape))).report["macs"]
    return found


# Parameters as the authors' own networks have them: of Keras (0.35 times the channels), torchvision and timm.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("mobilenet_v2", 1_677_128), ("mobilenet_v3", 2_542_856), ("efficientnet_lite", 4_652_008)],
)
def test_networks_for_1000_classes_have_the_published_parameters(name: str, parameters: int) -> None:
    module = entry(name).module(1000)
    assert sum(value.numel() for value in module.parameters()) == parameters


def test_resnet8_is_the_one_of_mlperf_tiny() -> None:
    """77,360 weights and 12,501,632 multiply-accumulates; PyTorch's has no biases where a normalisation follows."""
    module = entry("resnet8").module(10)
    assert sum(value.numel() for value in module.parameters() if value.ndim > 1) == 77_360
    assert groat.compile(built("resnet8").quantized).report["macs"] == 12_501_632


def test_ds_cnn_is_the_one_of_mlperf_tiny_for_its_input() -> None:
    """49 windows of 10 coefficients, 12 words: 25 × 5 places, each 64 · 40 + 4 · (64 · 9 + 64 · 64) products."""
    assert macs_of("ds_cnn", 12, (1, 1, 49, 10)) == 25 * 5 * (64 * 40 + 4 * (64 * 9 + 64 * 64)) + 64 * 12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "millions"),
    [("mobilenet_v2", 224, 59), ("mobilenet_v3", 224, 56), ("efficientnet_lite", 224, 385)],
)
def test_the_work_is_as_published(name: str, size: int, millions: int) -> None:
    """Of EfficientNet-lite0, 407 million are published for operations that are not all products of weights."""
    assert macs_of(name, 1000, (1, 3, size, size)) / 1e6 == pytest.approx(millions, rel=0.03)


def test_the_list_has_every_model(groat_command: Groat) -> None:
    rows = groat_command.json("zoo", "list")
    assert [row["name"] for row in rows] == list(NAMES)
    assert rows == figures()
    assert {row["weights"] for row in rows} == {"trained", "random"}
    for row in rows:
        assert (row["floats"] is None) == (row["weights"] == "random")
    shown = groat_command("zoo", "list").out
    assert all(name in shown for name in NAMES)


def test_the_page_shows_the_figures() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(figures())


@each_model
def test_figures_are_what_is_built(name: str) -> None:
    """Sizes move a little with kernels and packing: tools/zoo_figures.py writes them anew."""
    [row] = [row for row in figures() if row["name"] == name]
    made = built(name)
    report = groat.compile(made.quantized, target=row["target"]).report
    assert (row["task"], row["input"]) == (made.entry.task, list(made.entry.shape))
    assert (row["weights"], row["parameters"], row["macs"]) == (made.weights, made.parameters, report["macs"])
    assert row["arena_bytes"] == pytest.approx(report["arena_bytes"], rel=0.3)
    assert row["file_bytes"] == pytest.approx(report["file_bytes"], rel=0.3)
    assert made.quantized.float_layers == ()


@each_model
def test_samples_go_into_a_module_as_they_come_out_of_the_importer(name: str) -> None:
    made = built(name)
    [number] = made.floats.graph.inputs
    assert made.floats.graph.tensors[number].shape == (1, *made.entry.shape)
    order = made.floats.orders[number]
    assert tuple(order[dimension] for dimension in made.entry.order) == tuple(range(len(order)))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return words(tmp_path_factory.mktemp("zoo") / "words.npz")


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return movements(tmp_path_factory.mktemp("zoo") / "moved.parquet")


def test_training_is_repeatable_and_its_weights_can_be_used(groat_command: Groat, moved: Path, tmp_path: Path) -> None:
    weights, packed = tmp_path / "w.npz", tmp_path / "m.groat"
    arguments = ("zoo", "build", "gestures", "--data", moved, "-o", packed)
    report = groat_command.json(*arguments, "--train", "--epochs", 8, "--save-weights", weights)
    first = packed.read_bytes(), weights.read_bytes()
    assert report["weights"] == "trained"
    assert report["float_layers"] == []
    assert report["classes"] == ["circle", "rest", "shake"]
    assert report["judged"]["floats"] == report["judged"]["quantized"] == 1.0
    assert report["judged"]["of"] == "3 recordings from 2024-05-02 10:00 on"
    assert report["file_bytes"] == len(first[0])
    groat_command.json(*arguments, "--train", "--epochs", 8, "--save-weights", weights)
    assert (packed.read_bytes(), weights.read_bytes()) == first
    # With what was saved, it is as good; without data too, from stand-ins for its samples.
    again = groat_command.json(*arguments, "--weights", weights)
    assert again["judged"]["quantized"] == 1.0
    assert again["weights"] == "w.npz"
    alone = groat_command.json(*arguments[:3], "-o", packed, "--weights", weights)
    assert "stand-ins" in alone["calibrated_by"]
    assert alone["judged"] is None
    data = motion.read(moved).test
    with groat.Runner("host", packed.read_bytes()) as runner:
        [found] = runner.run_batch([data.x[:, np.newaxis]])
    assert data.y is not None
    assert np.mean(found.reshape(len(data.y), -1).argmax(axis=1) == data.y) == 1.0


def test_a_state_dict_of_torch_is_taken(tmp_path: Path) -> None:
    module = entry("gestures").module(4).eval()
    path = tmp_path / "mine.pt"
    torch.save(module.state_dict(), path)
    made = build("gestures", weights=path)
    assert made.weights == "mine.pt"
    for name, value in made.module.state_dict().items():
        assert torch.equal(value, module.state_dict()[name])


def test_random_weights_take_a_number_of_classes() -> None:
    made = build("gestures", classes=3)
    assert made.weights == "random"
    assert made.floats.graph.tensors[made.floats.graph.outputs[0]].shape == (1, 3)


def test_nobody_is_on_both_sides_of_a_split(spoken: Path, moved: Path) -> None:
    data = sounds.read(spoken)
    assert [part.who for part in (data.train, data.validation, data.test)] == [
        "speakers ann, bob", "speaker eve", "speaker tom",
    ]  # fmt: skip
    assert [len(part.x) for part in (data.train, data.validation, data.test)] == [20, 10, 10]
    sessions = motion.sessions_of(motion.recordings(moved))
    assert [len(session) for session in sessions] == [3, 6, 3]
    found = motion.read(moved)
    assert [part.who for part in (found.train, found.validation, found.test)] == [
        "6 recordings from 2024-05-01 12:00 on",
        "3 recordings from 2024-05-01 08:00 on",
        "3 recordings from 2024-05-02 10:00 on",
    ]
    rows = [{row.tobytes() for row in part.x} for part in (found.train, found.validation, found.test)]
    assert not rows[0] & rows[1] | rows[0] & rows[2] | rows[1] & rows[2]


def test_features_are_logarithms_of_bands_of_the_loudest_second() -> None:
    time = np.arange(sounds.LENGTH) / sounds.HERTZ
    low, high = (sounds.features(1000 * np.sin(2 * np.pi * hertz * time)) for hertz in (300, 3000))
    assert low.shape == (49, 20)
    assert low.dtype == np.float32
    assert low.mean(axis=0).argmax() < high.mean(axis=0).argmax()
    assert np.allclose(sounds.features(np.sin(2 * np.pi * 300 * time)), low, atol=1e-4), "of any scale"
    assert np.allclose(sounds.features(np.zeros(sounds.LENGTH)), np.log(sounds.FLOOR)), "silence is the floor"


def test_images_of_mnist_and_of_one_s_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", pictures.VALIDATION + 20), ("t10k", 10)):
        for what, array in (
            ("images-idx3", rng.integers(0, 256, (count, 28, 28), np.uint8)),
            ("labels-idx1", rng.integers(0, 10, count).astype(np.uint8)),
        ):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            content = bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes()
            (tmp_path / f"{part}-{what}-ubyte.gz").write_bytes(gzip.compress(content, 1))
    data = pictures.read(tmp_path)
    assert [len(part.x) for part in (data.train, data.validation, data.test)] == [20, pictures.VALIDATION, 10]
    path = tmp_path / "own.npz"
    x, y = rng.random((30, 8, 8, 3), np.float32), np.arange(30) % 3
    np.savez(path, x=x, y=y)
    data = pictures.read(path)
    assert [len(part.x) for part in (data.train, data.validation, data.test)] == [21, 3, 6]
    assert len(np.unique(np.concatenate([part.x for part in (data.train, data.validation, data.test)]), axis=0)) == 30
    np.savez(path, x=x, y=y, x_test=x[:4], y_test=y[:4])
    assert len(pictures.read(path).test.x) == 4


def test_stand_ins_are_like_the_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(500, 3)) @ rng.normal(size=(3, 12)) + 5).reshape(500, 4, 3).astype(np.float32)
    mean, components = described(x)
    assert components.shape == (min(COMPONENTS, 12), 4, 3)
    flat = components.reshape(-1, 12)
    assert np.allclose(flat.T @ flat, np.cov(x.reshape(500, 12).T, bias=True), atol=1e-3)
    assert np.allclose(mean, x.mean(axis=0), atol=1e-4)
    save_weights(tmp_path / "w.npz", torch.nn.Linear(12, 2), ("a", "b"), x)
    read = read_weights(tmp_path / "w.npz")
    assert read.classes == ("a", "b")
    assert read.state["weight"].shape == (2, 12)


def test_unknown_and_contradictory_arguments(groat_command: Groat, tmp_path: Path, moved: Path) -> None:
    assert "no model 'vgg'; expected one of mobilenet_v2" in groat_command.fails(2, "zoo", "build", "vgg")
    for arguments, text in (
        (["--train"], "to train takes data"),
        (["--epochs", 3], "epochs is for training"),
        (["--validate"], "validate is for training"),
        (["--classes", 0], "expected 1 at least"),
        (["--classes", 4, "--data", moved], "beside data"),
        (["--data", moved, "--train", "--epochs", 0], "epochs is 0"),
        (["--save-weights", tmp_path / "w.npz"], "and --data"),
        (["--data", tmp_path / "none.parquet"], "cannot be read"),
        (["--weights", tmp_path / "none.npz"], "cannot be read"),
        (["--weights", tmp_path / "none.pt"], "torch.save"),
    ):
        assert text in groat_command.fails(2, "zoo", "build", "gestures", "-o", tmp_path / "x.groat", *arguments)
    assert not (tmp_path / "x.groat").exists()
    assert "this model has no classes" in groat_command.fails(2, "zoo", "build", "autoencoder", "--classes", 3)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    state = entry("gestures").module(4).state_dict()
    torch.save({**state, "more": torch.zeros(2)} | {"0.weight": torch.zeros(2, 2)}, tmp_path / "w.pt")
    with pytest.raises(
        InputError, match=r"more is none of the network's; 0\.weight has shape \[2, 2\]; expected \[16, 3"
    ):
        build("gestures", weights=tmp_path / "w.pt")
    torch.save(
        {name: value * np.nan if value.is_floating_point() else value for name, value in state.items()},
        tmp_path / "w.pt",
    )
    with pytest.raises(InputError, match=r"0\.weight has values that are no finite numbers"):
        build("gestures", weights=tmp_path / "w.pt")
    torch.save([1, 2], tmp_path / "w.pt")
    with pytest.raises(InputError, match="no state dict"):
        build("gestures", weights=tmp_path / "w.pt")
    np.savez(tmp_path / "w.npz", x=np.zeros(3))
    with pytest.raises(InputError, match=r"0\.weight is missing"):
        build("gestures", weights=tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", x=np.zeros(3, int))
    with pytest.raises(InputError, match="x is int64; expected floats"):
        build("gestures", weights=tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", **{name: value.numpy() for name, value in state.items() if value.ndim},
             classes=np.array(list("abcd")))  # fmt: skip
    assert build("gestures", weights=tmp_path / "w.npz").classes == ("a", "b", "c", "d")


def test_data_of_other_classes_than_the_weights(moved: Path) -> None:
    with pytest.raises(InputError, match="the data has circle, rest, shake; train without these weights"):
        build("gestures", data=moved)


def test_data_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    for arrays, text in (
        ({"x": np.zeros((20, 8, 8, 3), np.float32), "y": np.arange(20)}, r"shape \[8, 8, 3\]; expected \[32, 32, 3\]"),
        ({"x": np.zeros((20, 32, 32, 3), np.float32)}, "has no y"),
        ({"x": np.zeros((20, 32, 32, 3), np.float32), "y": np.zeros(19, int)}, "labels are int64"),
        ({"x": np.full((20, 32, 32, 3), np.nan, np.float32), "y": np.arange(20)}, "no numbers"),
        ({"x": np.zeros((20, 32, 32, 3), int), "y": np.arange(20)}, "images are int64"),
        ({"x": np.zeros((2, 32, 32, 3), np.float32), "y": np.arange(2)}, "expected some for training"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(InputError, match=text):
            build("resnet8", data=path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x0d\3"))
    with pytest.raises(InputError, match="no idx file of uint8"):
        build("vision_transformer", data=tmp_path)
    good = {"samples": np.zeros(400, np.int16), "offsets": np.arange(0, 401, 100), "label": np.arange(4),
            "speaker": np.array(list("abca"))}  # fmt: skip
    for changed, text in (
        ({"speaker": np.array(list("abba"))}, "has the speakers a, b; expected three"),
        ({"label": np.arange(4) + 8}, "labels go from 8 to 11"),
        ({"offsets": np.arange(0, 501, 125)}, "do not divide"),
        ({"offsets": np.arange(3)}, r"offsets \[3\]"),
        ({"samples": np.zeros(400)}, "whole numbers"),
    ):
        np.savez(path, **(good | changed))
        with pytest.raises(InputError, match=text):
            build("ds_cnn", data=path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(InputError, match="has no samples and no offsets"):
        build("ds_cnn", data=path)


def test_recordings_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "moved.parquet"
    for changes, text in (
        ({"sessions": 2}, "has 2 sessions, ten minutes apart; expected three"),
        ({"step": 0.02}, r"0\.02 s apart; expected 256 at least, 0\.01 s apart"),
        ({"length": 100}, "has 100 samples"),
        ({"name": "first"}, "expected a name that starts as"),
        ({"axis": "w"}, "has no columns z"),
    ):
        movements(path, **changes)
        with pytest.raises(InputError, match=text):
            build("gestures", data=path)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ToolchainError, match=r"pip install 'groat\[zoo\]'"):
        entry("resnet8")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ToolchainError, match=r"pyarrow: pip install 'groat\[zoo\]'"):
        motion.read(tmp_path / "x.parquet")
