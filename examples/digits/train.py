# SPDX-License-Identifier: Apache-2.0
"""Trains the digits network, quantises it to int8 and writes `digits_int8.tflite`.

This script alone needs PyTorch; everything else in the repository reads the file it writes.  The network has
each of the kinds of op that small image models are made of.  Its quantisation is the usual one of TFLite:
symmetric weights per output channel, asymmetric activations per tensor with ranges seen on the training
images, batch normalisation folded into the convolution before it.

    python examples/digits/train.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT), str(ROOT / "python")]

import data  # noqa: E402
from tools import tflite_builder as tfl  # noqa: E402

from groat.oracle.tflm import Tflm  # noqa: E402

SEED = 0
EPOCHS = 150
BATCH = 64
PEAK_LEARNING_RATE = 5e-3
WEIGHT_DECAY = 1e-2
CLASSES = 10
# Random distortions of training images: rotation in radians, scaling and shift as shares of the image.
MAX_TURN, MAX_ZOOM, MAX_SHIFT = 0.25, 0.15, 0.15

Array = npt.NDArray[Any]


class Block(nn.Sequential):
    """A convolution and its batch normalisation."""

    def __init__(
        self, in_c: int, out_c: int, kernel: int, *, stride: int = 1, padding: int = 0, groups: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(in_c, out_c, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(out_c)
        )

    def folded(self) -> tuple[Array, Array]:
        """Weights [out,kh,kw,in/groups] and bias [out] of the two as one convolution."""
        conv, norm = cast(nn.Conv2d, self[0]), cast(nn.BatchNorm2d, self[1])
        assert norm.running_mean is not None
        assert norm.running_var is not None
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weights = (conv.weight * gain[:, None, None, None]).permute(0, 2, 3, 1)
        bias = norm.bias - norm.running_mean * gain
        return weights.detach().numpy(), bias.detach().numpy()


class Digits(nn.Module):
    """Two stages, 8×8×16 and 4×4×32, each with a separable residual branch; then pooling and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Block(1, 16, 3, padding=1)
        self.depthwise1 = Block(16, 16, 3, padding=1, groups=16)
        self.pointwise1 = Block(16, 16, 1)
        self.down = Block(16, 32, 3, stride=2)
        self.depthwise2 = Block(32, 32, 3, padding=1, groups=32)
        self.pointwise2 = Block(32, 32, 1)
        self.dropout = nn.Dropout(0.2)
        self.dense = nn.Linear(2 * 2 * 32, CLASSES)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images [n,1,8,8] from 0 to 16 -> by name, every activation that the int8 model stores."""
        a: dict[str, Tensor] = {}
        a["stem"] = functional.relu(self.stem(x))
        a["depthwise1"] = functional.relu(self.depthwise1(a["stem"]))
        a["pointwise1"] = self.pointwise1(a["depthwise1"])
        a["residual1"] = functional.relu(a["stem"] + a["pointwise1"])
        # Where TFLite pads for a stride of 2: an even input gets its row and column of zeros at the end only.
        a["down"] = functional.relu(self.down(functional.pad(a["residual1"], (0, 1, 0, 1))))
        a["depthwise2"] = functional.relu(self.depthwise2(a["down"]))
        a["pointwise2"] = self.pointwise2(a["depthwise2"])
        a["residual2"] = functional.relu(a["down"] + a["pointwise2"])
        pooled = functional.avg_pool2d(a["residual2"], 2)
        a["logits"] = self.dense(self.dropout(pooled.permute(0, 2, 3, 1).flatten(1)))
        return a


def to_torch(images: Array) -> Tensor:
    """Images [n,8,8,1] -> [n,1,8,8]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def distort(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image turned, scaled and shifted a little, at random."""
    turn, zoom_x, zoom_y, shift_x, shift_y = torch.rand(5, len(x), generator=generator) * 2 - 1
    cos, sin = torch.cos(turn * MAX_TURN), torch.sin(turn * MAX_TURN)
    zoom_x, zoom_y = 1 + zoom_x * MAX_ZOOM, 1 + zoom_y * MAX_ZOOM
    # affine_grid measures from -1 to 1, so a shift by a fraction of the image is twice as much there.
    row_x = torch.stack([cos * zoom_x, -sin * zoom_y, 2 * MAX_SHIFT * shift_x], dim=1)
    row_y = torch.stack([sin * zoom_x, cos * zoom_y, 2 * MAX_SHIFT * shift_y], dim=1)
    grid = functional.affine_grid(torch.stack([row_x, row_y], dim=1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def train(x: Tensor, y: Tensor) -> Digits:
    """The trained network, in evaluation mode."""
    generator = torch.Generator().manual_seed(SEED)
    net = Digits()
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=WEIGHT_DECAY)
    batches = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, EPOCHS * batches)
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.randperm(len(x), generator=generator)[: batches * BATCH].view(batches, BATCH):
            logits = net(distort(x[batch], generator))["logits"]
            loss = functional.cross_entropy(logits, y[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1:3} of {EPOCHS}: loss {total / batches:.4f}")
    return net.eval()


def to_tflite(net: Digits, calibration: Tensor) -> bytes:
    """The int8 model; activation ranges are those on the `calibration` images."""
    with torch.no_grad():
        quants = {
            name: tfl.range_quant(float(value.min()), float(value.max())) for name, value in net(calibration).items()
        }
    m = tfl.Builder("Handwritten digits of scikit-learn, 8 x 8 pixels, int8")

    def conv(x: tfl.Tensor, name: str, *, stride: tfl.Pair = (1, 1), relu: bool = True) -> tfl.Tensor:
        weights, bias = cast(Block, getattr(net, name)).folded()
        depthwise = weights.shape[0] == x.shape[3] and weights.shape[3] == 1
        stored, weight_quant = tfl.quantize_weights(
            weights.transpose(3, 1, 2, 0) if depthwise else weights, 3 if depthwise else 0
        )
        assert x.quant is not None
        return (m.depthwise_conv_2d if depthwise else m.conv_2d)(
            x,
            stored,
            tfl.quantize_bias(bias, x.quant, weight_quant),
            weight_quant,
            quants[name],
            stride=stride,
            activation="RELU" if relu else "NONE",
            name=name,
        )

    image = m.input((1, 8, 8, 1), quant=tfl.range_quant(0.0, data.PIXEL_MAX), name="image")
    stem = conv(image, "stem")
    branch = conv(conv(stem, "depthwise1"), "pointwise1", relu=False)
    x = m.add(stem, branch, quants["residual1"], activation="RELU", name="residual1")
    down = conv(x, "down", stride=(2, 2))
    branch = conv(conv(down, "depthwise2"), "pointwise2", relu=False)
    x = m.add(down, branch, quants["residual2"], activation="RELU", name="residual2")
    x = m.average_pool_2d(x, (2, 2), name="pool")
    x = m.reshape(x, (1, -1), name="flat")
    assert x.quant is not None
    weights, weight_quant = tfl.quantize_weights(net.dense.weight.detach().numpy(), None)
    bias = tfl.quantize_bias(net.dense.bias.detach().numpy(), x.quant, weight_quant)
    x = m.fully_connected(x, weights, bias, weight_quant, quants["logits"], name="logits")
    return m.build([m.softmax(x, name="probabilities")])


def int8_accuracy(model: bytes, images: Array, labels: Array) -> float:
    """The share of images that the model gets right in TensorFlow Lite Micro."""
    tflm = Tflm(model)
    quant = tfl.range_quant(0.0, data.PIXEL_MAX)
    stored = data.quantize(images, quant.scales[0], quant.zero_points[0])
    guesses = [int(tflm.run([image[np.newaxis]])[0].argmax()) for image in stored]
    return float(np.mean(np.asarray(guesses) == labels))


def main() -> None:
    """Trains, measures, writes."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    train_x, train_y, test_x, test_y = data.load()
    net = train(to_torch(train_x), torch.from_numpy(train_y))
    with torch.no_grad():
        guesses = net(to_torch(test_x))["logits"].argmax(dim=1).numpy()
    model = to_tflite(net, to_torch(train_x))
    path = HERE / "digits_int8.tflite"
    path.write_bytes(model)
    print(f"parameters:            {sum(p.numel() for p in net.parameters())}")
    print(f"float, held out:       {np.mean(guesses == test_y):.2%} of {len(test_y)}")
    print(f"int8 in TFLM, trained: {int8_accuracy(model, train_x, train_y):.2%} of {len(train_y)}")
    print(f"int8 in TFLM, held out: {int8_accuracy(model, test_x, test_y):.2%} of {len(test_y)}")
    print(f"wrote {path.name}: {len(model)} bytes")


if __name__ == "__main__":
    main()
