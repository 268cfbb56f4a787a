# SPDX-License-Identifier: Apache-2.0
"""LSTM and GRU: those of TFLite are TFLM's to the byte, those of ONNX are ONNX Runtime's, quantised ones keep close."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from tests.support import material
from tests.support.oracle import needs_tflm
from tests.support.sequences import lstm_model
from tools.tflite_builder import Builder, Quant

import groat
from groat.errors import InputError, UnsupportedError
from groat.evaluation import outputs_of
from groat.ops.lstm_int8 import OP as LSTM_INT8
from groat.ops.recurrent_int8 import call_recurrent_int8
from groat.runners.host import HostRunner
from groat.validation import validate

Array = npt.NDArray[Any]
Rng = np.random.Generator
VECTORS = "vectors/cmsis_nn/lstm_unidirectional"


# ---- TFLite -------------------------------------------------------------------------------------------------


def lstm_choices(rng: Rng) -> dict[str, Any]:
    return {
        "batches": int(rng.integers(1, 4)),
        "steps": int(rng.integers(1, 7)),
        "inputs": int(rng.integers(1, 40)),
        "hidden": int(rng.integers(1, 30)),
        "time_major": bool(rng.random() < 0.5),
        "zero_point": int(rng.choice([0, rng.integers(-128, 128)])),
        "cell": 2.0 ** int(rng.integers(-14, -8)),
        "clip": float(rng.choice([0, 0.5, 4.0])),
    }


@needs_tflm
@pytest.mark.parametrize("seed", range(12))
def test_random_lstms_are_tflms_to_the_byte(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = lstm_model(rng, **lstm_choices(rng))
    (verdict,) = validate(groat.load(source), ["host"], inputs=4, seed=seed)
    assert verdict.equal, verdict.difference


@needs_tflm
@pytest.mark.parametrize("seed", range(4))
def test_random_lstms_of_floats_are_tflms_within_the_tolerance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = lstm_model(rng, floats=True, batches=2, time_major=seed % 2 == 1, clip=0.3 if seed > 1 else 0.0)
    (verdict,) = validate(groat.load(source), ["host"], inputs=6, seed=seed)
    assert verdict.equal, verdict.difference


def test_the_published_model_gives_what_is_recorded() -> None:
    recorded = material._recorded("tflm/trained_lstm_int8")
    path = material.required("models/tflm/trained_lstm_int8.tflite")
    ((x,), (expected,)) = recorded.samples(material.folder(), recorded.recordings[0])
    with HostRunner(groat.compile(path).packed) as runner:  # TFLM went on from sample to sample
        np.testing.assert_array_equal(runner.run_batch([x])[0], expected)


def broken_lstm(**what: Any) -> bytes:
    b = Builder()
    hidden, inputs = 3, 2
    x = b.input((1, 2, inputs), quant=Quant(0.02, 1))
    rng = np.random.default_rng(1)
    weights = [rng.integers(-9, 9, (hidden, inputs)).astype(np.int8) for _ in range(4)]
    recurrent = [rng.integers(-9, 9, (hidden, what.get("columns", hidden))).astype(np.int8) for _ in range(4)]
    biases = [np.zeros(hidden, np.int32)] * 4
    quants = [Quant(0.01, what.get("weights_zero", 0))] * 4
    cell = Quant(what.get("cell", 2.0**-11))
    y = b.lstm(x, weights, recurrent, biases, quants, quants, Quant(1 / 128), cell, cell_clip=what.get("clip", 0.0))
    op = b._ops[-1]
    if "peephole" in what:
        more = b.constant(np.zeros(hidden, np.int16)).index
        b._ops[-1] = replace(op, inputs=(*op.inputs[:9], more, *op.inputs[10:]))
    return b.build([y])


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ({"columns": 2}, "do not fit x"),
        ({"weights_zero": 3}, "its weights have zero point 3; expected 0"),
        ({"cell": 0.003}, "its cells have scale 0.003.*; expected a power of two"),
        ({"clip": 2.0**-20}, "its cell_clip 9.5.*e-07 is less than the cells' scale"),
        ({"clip": -1.0}, "its cell_clip is -1.0; expected 0 or more"),
        ({"peephole": True}, "it has peepholes; there is no kernel for that"),
    ],
)
def test_what_the_kernel_cannot_do_is_refused(what: dict[str, Any], text: str) -> None:
    with pytest.raises(UnsupportedError, match=text):
        groat.load(broken_lstm(**what))


ORDER = ("input", "output", "forget", "cell")


def test_cmsis_nns_vector_of_int8() -> None:
    name = f"{VECTORS}/lstm_stateful_batch_major_multibatch"
    p = json.loads(material.required(f"{name}.json").read_text())["params"]
    a = np.load(material.required(f"{name}.npz"))
    hidden, inputs, shape = p["hidden_size"], p["input_size"], (p["batch_size"], p["time_steps"])

    def factors(what: str) -> list[tuple[int, int]]:
        return [(p[f"{gate}_gate_{what}_multiplier"], p[f"{gate}_gate_{what}_shift"]) for gate in ORDER]

    bias = np.concatenate([a[f"{gate}_gate_bias"] for gate in ORDER])
    attrs = {
        **{"reverse": False, "batch_major": True, "final": False},
        "input_factors": factors("input"),
        "recurrent_factors": factors("hidden"),
        "keep": (p["forget_to_cell_multiplier"], p["forget_to_cell_shift"]),
        "take": (p["input_to_cell_multiplier"], p["input_to_cell_shift"]),
        "give": (p["output_multiplier"], p["output_shift"]),
        "tanh_multiplier": 3,
        "tanh_shift": -12 - p["cell_scale_power"],
        "cell_clip": p["cell_clip"],
        "input_zero_point": -p["input_zero_point"],
        "hidden_zero_point": p["output_zero_point"],
    }
    arrays = (
        a["input_tensor"].reshape(*shape, inputs),
        np.concatenate([a[f"{gate}_gate_input_weights"].reshape(hidden, inputs) for gate in ORDER]),
        np.concatenate([a[f"{gate}_gate_hidden_weights"].reshape(hidden, hidden) for gate in ORDER]),
        np.concatenate([bias, np.zeros_like(bias)]),
    )
    for isa in (None, "dsp", "mve", "rvv"):
        y = call_recurrent_int8("lstm_int8", LSTM_INT8, arrays, (), dict(attrs), "host", isa)
        np.testing.assert_array_equal(np.ravel(y), a["output"])


@pytest.mark.parametrize("name", ["lstm_match_1_f32", "lstm_medium_f32"])
def test_cmsis_nns_vectors_of_floats(name: str) -> None:
    facts = json.loads(material.required(f"{VECTORS}/{name}.json").read_text())
    p, a = facts["params"], np.load(material.required(f"{VECTORS}/{name}.npz"))
    hidden, inputs = p["hidden_size"], p["input_size"]
    shape = (p["time_steps"], p["batch_size"]) if p["time_major"] else (p["batch_size"], p["time_steps"])
    weights = [
        np.concatenate([a[f"{gate}_{what}_weights"].reshape(hidden, size) for gate in ORDER])
        for what, size in (("input", inputs), ("hidden", hidden))
    ]
    y = groat.kernels.lstm_float(
        a["input"].reshape(*shape, inputs), np.concatenate(weights, axis=1),
        np.concatenate([a[f"{gate}_bias"] for gate in ORDER]),
        batch_major=not p["time_major"], cell_clip=p["cell_clip"],
    )  # fmt: skip
    np.testing.assert_allclose(np.ravel(y), a["output_ref"], atol=facts["tolerance_in_source"][0])


# ---- ONNX and PyTorch ---------------------------------------------------------------------------------------


def exported(kind: str, hidden: int = 6, inputs: int = 4, steps: int = 3, layers: int = 1, seed: int = 0) -> bytes:
    """A layer that takes and gives its state: x, h0[, c0] -> y, hn[, cn]."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(seed)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = getattr(torch.nn, kind)(inputs, hidden, layers, batch_first=True)

        def forward(self, x: Any, *state: Any) -> Any:
            y, last = self.layer(x, state[0] if kind == "GRU" else state)
            return (y, last) if kind == "GRU" else (y, *last)

    state = [torch.zeros(layers, 1, hidden)] * (2 if kind == "LSTM" else 1)
    names = ["h", "c"][: len(state)]
    buffer = io.BytesIO()
    torch.onnx.export(
        Net().eval(), (torch.zeros(1, steps, inputs), *state), buffer, dynamo=False,
        input_names=["x", *(f"{name}0" for name in names)], output_names=["y", *(f"{name}n" for name in names)],
    )  # fmt: skip
    return buffer.getvalue()


STATES = {"LSTM": {"h0": "hn", "c0": "cn"}, "GRU": {"h0": "hn"}}


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_states_are_inputs_and_outputs_of_onnx(kind: str) -> None:
    (verdict,) = validate(groat.load(exported(kind)), ["host"], inputs=4)
    assert verdict.equal, verdict.difference


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_pairs_become_states_of_a_sequence(kind: str, layers: int) -> None:
    source = exported(kind, layers=layers)
    streaming = groat.load(source, states=STATES[kind])
    compiled = groat.compile(streaming)
    assert (len(compiled.graph.variables), len(compiled.graph.inputs)) == (len(STATES[kind]), 1)
    if layers == 1:  # the layer's own state, without a copy
        assert [op.kind for op in compiled.graph.ops] == [f"{kind.lower()}_float32"]
    (verdict,) = validate(streaming, ["host"], inputs=6)
    assert verdict.equal, verdict.difference
    # In pieces as in one: 6 runs of 3 steps.
    whole = groat.load(exported(kind, steps=18, layers=layers))
    x = np.random.default_rng(2).normal(0, 1, (6, 1, 3, 4)).astype(np.float32)
    zeros = [np.zeros((layers, 1, 6), np.float32)] * len(STATES[kind])
    at_once = groat.compile(whole).run(x.reshape(1, 18, 4), *zeros)[0]
    with HostRunner(compiled.packed) as runner:
        pieces = runner.run_batch([x])[0]
    np.testing.assert_array_equal(pieces.reshape(at_once.shape), at_once)


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ({"h0": "nothing"}, "'nothing' is no output; it has 'y', 'hn', 'cn'"),
        ({"nothing": "hn"}, "'nothing' is no input; it has 'x', 'h0', 'c0'"),
        ({"h0": "hn", "c0": "hn"}, "names 'c0' or 'hn' twice; a state has one writer"),
        ({"h0": "y"}, r"input 'h0' is float32\[1, 1, 6\], output 'y' float32\[1, 3, 6\]; expected one shape"),
        ("h0", "'h0' is no pair"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(states: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        groat.load(exported("LSTM"), states=states)


def test_the_last_cell_is_an_output() -> None:
    model = onnx.load_from_string(exported("LSTM"))
    del model.graph.output[0:2]  # the cell alone
    (verdict,) = validate(groat.load(model.SerializeToString()), ["host"], inputs=4)
    assert verdict.equal, verdict.difference


# ---- Quantised ----------------------------------------------------------------------------------------------


def snr(reference: Array, found: Array) -> float:
    return float(10 * np.log10((reference**2).sum() / ((reference - found) ** 2).sum()))


def samples(count: int, steps: int, seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [np.cumsum(rng.normal(0, 0.5, (count, 1, steps, 4)), axis=2).astype(np.float32)]


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_quantised_layers_keep_close_to_floats(kind: str) -> None:
    model = groat.load(exported(kind, hidden=24, steps=20))
    states = [np.random.default_rng(5).normal(0, 0.3, (64, 1, 1, 24)).astype(np.float32) for _ in STATES[kind]]
    quantized = groat.quantize(model, samples(64, 20, 1) + states)
    packed = groat.compile(quantized).packed
    assert f"{kind.lower()}_int8" in [op.kind for op in quantized.graph.ops]
    test = samples(32, 20, 2) + [state[:32] for state in states]
    (floats, *_), (found, *_) = outputs_of(groat.compile(model).packed, "host", test), outputs_of(packed, "host", test)
    assert snr(floats, found) > 25


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_quantised_sequence_hands_on_integers(kind: str) -> None:
    model = groat.load(exported(kind, hidden=24))
    states = [np.random.default_rng(5).normal(0, 0.3, (64, 1, 1, 24)).astype(np.float32) for _ in STATES[kind]]
    data = [np.random.default_rng(1).normal(0, 1, (64, 1, 3, 4)).astype(np.float32)]
    quantized = groat.quantize(model, data + states)
    compiled = groat.compile(groat.with_states(quantized, STATES[kind]))
    assert {compiled.graph.tensors[n].dtype for n in compiled.graph.variables} <= {"int8", "int16"}
    x = np.random.default_rng(7).normal(0, 1, (10, 1, 3, 4)).astype(np.float32)
    floats = groat.compile(groat.with_states(model, STATES[kind]))
    with HostRunner(compiled.packed) as ours, HostRunner(floats.packed) as theirs:
        found, expected = ours.run_batch([x])[0], theirs.run_batch([x])[0]
        assert snr(expected, found) > 20
        ours.reset()
        np.testing.assert_array_equal(ours.run_batch([x])[0], found)


def test_there_is_no_kernel_of_int16() -> None:
    model = groat.load(exported("LSTM"))
    data = samples(8, 3, 1) + [np.random.default_rng(1).normal(0, 1, (8, 1, 1, 6)).astype(np.float32)] * 2
    with pytest.raises(UnsupportedError, match=r"lstm_float32.*there is no kernel of int16 for it"):
        groat.quantize(model, data, scheme="16x8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_digits_as_int8_are_within_two_tenths_of_a_point(kind: str, tmp_path: Path) -> None:
    """10,000 digits on the host, the first 500 on emulated cores with the same bytes."""
    torch = pytest.importorskip("torch")
    from tests.support.recurrent_nets import Reader, digits, train

    folder = material.required("data/mnist")
    x, y = digits(folder, "train")
    torch.manual_seed(0)
    net = Reader(kind, 32)
    train(net, x, y, 3)
    model = groat.load(net.eval(), torch.zeros(1, 28, 28))
    quantized = groat.quantize(model, x[:200])
    test, labels = digits(folder, "t10k")
    test = test[:, np.newaxis]
    results = {}
    for name, each in (("float", model), ("int8", quantized)):
        begin = time.monotonic()
        (scores,) = outputs_of(groat.compile(each).packed, "host", [test])
        results[name] = float(np.mean(scores.reshape(-1, 10).argmax(axis=1) == labels))
        assert time.monotonic() - begin < 60
    assert results["float"] > 0.96
    assert results["int8"] >= results["float"] - 0.002, results
    (first,) = outputs_of(groat.compile(quantized).packed, "host", [test[:500]])
    for target in ("cortex-m4", "cortex-m55", "rv32v"):
        (found,) = outputs_of(groat.compile(quantized, target=target).packed, f"qemu:{target}", [test[:500]])
        assert found.tobytes() == first.tobytes(), target
