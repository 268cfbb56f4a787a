# SPDX-License-Identifier: Apache-2.0
"""What is trained, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from groat.errors import InputError
from groat.options import about

Optimizer = Literal["sgd", "momentum", "adam"]
Loss = Literal["softmax_ce", "mse"]
Dtype = Literal["fp32", "fp16", "int8", "int16"]
Gradients = Literal["fp32", "fp16"]
Algorithm = Literal["backprop", "forward-forward"]


@dataclass(frozen=True)
class Train:
    """Choices of a training step.

    Attributes:
        layers: what is trained: "all"; "last:N", the last N layers with weights; "bias", biases only, of all layers;
            "bias:N", of the last N; or names of layers, as reports have them, with ":bias" behind those of which only
            the bias is trained.  "@0.25" behind any of these but biases: only so many of a layer's output channels, the
            first ones (at least one); or names and fractions as a mapping, {"conv_3": 0.25, "dense": 1.0}.
        adapter_rank: 0, or the rank of a low-rank adapter that is trained beside each of these layers in place of its
            weights, which stay in flash: y = layer(x) + B(A(x)), A with so many filters of the layer's own kernel, B
            1x1 and zero at first (Hu et al., "LoRA", 2021).  Convolutions without groups, and dense layers.
        classes: 0, or how many a dense layer of floats tells apart that takes the place of the model's last one, and
            begins with its weights (groat.train.head): new classes are learnt so, also by an int8 model.
        optimizer: plain gradient descent, the same with momentum, or Adam.
        loss: cross-entropy of the softmax of the model's output, for labels int32; or the mean squared error.
        dtype: how activations, gradients and weights are stored; sums of floats are float32.  "int8": layers of int8
            are trained, too: weights and activations stay int8, biases int32, with the scales of the model; gradients
            are floats.  Only "sgd", and a step for each sample: others keep a float for each weight.  "int16": block
            floating point, with no instruction of floats in the whole step, for cores without an FPU (docs/TRAINING.md
            says what such a model may have).  Plain gradient descent and softmax_ce only.
        gradients: with "int8", how gradients are stored, and all that is not int8.
        seed: with "int8" and "int16", of the generator that rounds the steps of weights; with "forward-forward", of the
            one that draws labels.
        accumulate: samples whose gradients are summed before the parameters change.  With 1 each gradient is applied
            the moment it exists and never stored; with more, program `apply` applies the mean of what so many runs of
            `train_step` found.
        algorithm: how layers learn: by gradients of the one loss; or "forward-forward", experimental: each hidden layer
            by a loss of its own, without a backward pass (groat.train.forward), in fp32.
        threshold: of "forward-forward": what the mean square of a layer's output is compared with.
        label_amplitude: of "forward-forward": of what shows the label in the image.
        latent: the frozen layers are a program of their own, `features`: `train_step` takes what they give in place of
            the model's input, so that samples can be kept, and mixed in again, as small activations.
        momentum: of "momentum".
        decay: weight decay: what is added to a gradient for each unit of its parameter.
        beta1, beta2, epsilon: of "adam", as torch.optim.Adam.
        loss_scale: what the loss is multiplied with at first where dtype is fp16, so that small gradients do not
            vanish; it is halved when a gradient overflows, and doubled after `scale_interval` steps without.
    """

    layers: str | Sequence[str] | Mapping[str, float] = field(
        default="all",
        metadata=about(
            "what is trained: all, last:N, bias, bias:N, or names separated by commas; @0.25: of so many channels",
            also=("--train",),
        ),
    )
    adapter_rank: int = field(default=0, metadata=about("train low-rank adapters of this rank beside these layers"))
    classes: int = field(default=0, metadata=about("a head of floats for so many classes, known and new ones"))
    optimizer: Optimizer = field(default="sgd", metadata=about("how parameters follow gradients", get_args(Optimizer)))
    loss: Loss = field(default="softmax_ce", metadata=about("what is made small", get_args(Loss)))
    dtype: Dtype = field(default="fp32", metadata=about("how values are stored", get_args(Dtype)))
    gradients: Gradients = field(default="fp32", metadata=about("of int8, how they are stored", get_args(Gradients)))
    seed: int = 0
    accumulate: int = field(default=1, metadata=about("samples whose gradients are summed before an update"))
    latent: bool = False
    momentum: float = field(default=0.9, metadata=about("of the optimizer momentum"))
    decay: float = field(default=0.0, metadata=about("weight decay"))
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    algorithm: Algorithm = field(
        default="backprop", metadata=about("how layers learn; forward-forward is experimental", get_args(Algorithm))
    )
    threshold: float = field(default=2.0, metadata=about("of forward-forward: of the mean square of outputs"))
    label_amplitude: float = field(default=1.0, metadata=about("of forward-forward: of the label in the image"))
    loss_scale: float = field(default=1024.0, metadata=about("of fp16, at first"))
    scale_interval: int = 200

    def __post_init__(self) -> None:
        literals = (
            ("optimizer", Optimizer),
            ("loss", Loss),
            ("dtype", Dtype),
            ("gradients", Gradients),
            ("algorithm", Algorithm),
        )
        for name, kind in literals:
            value = getattr(self, name)
            if value not in get_args(kind):
                raise InputError(f"train: {name} is {value!r}; expected one of {', '.join(get_args(kind))}")
        if self.dtype == "int16":
            self._require('dtype "int16"', INTEGER_CHOICES)
        if self.algorithm == "forward-forward":
            self._require('algorithm "forward-forward"', FORWARD_CHOICES)
        if self.accumulate < 1:
            raise InputError(f"train: accumulate is {self.accumulate}; expected at least 1 sample")
        if self.dtype != "int8" and self.gradients != "fp32":
            raise InputError(
                f'train: gradients is {self.gradients!r}; it is for dtype "int8", and dtype is {self.dtype!r}'
            )
        if self.dtype == "int8":
            self._require_plain()
        if not 0 <= self.seed < 1 << 32:
            raise InputError(f"train: seed is {self.seed}; expected 0 to 4,294,967,295")
        if self.scale_interval < 1:
            raise InputError(f"train: scale_interval is {self.scale_interval}; expected at least 1 step")
        if self.adapter_rank < 0:
            raise InputError(f"train: adapter_rank is {self.adapter_rank}; expected 0, or a rank")
        if self.classes < 0:
            raise InputError(f"train: classes is {self.classes}; expected 0, or how many there shall be")
        for name in ("momentum", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"train: {name} is {getattr(self, name)}; expected at least 0 and less than 1")
        for name in ("decay", "epsilon", "loss_scale", "threshold", "label_amplitude"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"train: {name} is {value}; expected a number that is not negative")
        if not 1 <= self.loss_scale <= MAX_SCALE:
            raise InputError(f"train: loss_scale is {self.loss_scale}; expected 1 to {MAX_SCALE:g}")

    def _require(self, what: str, choices: Mapping[str, Any]) -> None:
        """InputError for other choices than a choice has."""
        for name, only in choices.items():
            value = getattr(self, name)
            if value != only:
                raise InputError(f"train: {name} is {value!r}; {what} has {only!r} only")

    @property
    def floats(self) -> str:
        """How activations and weights are stored, or the gradients of int8 ones."""
        stored = {"fp32": "float32", "fp16": "float16", "int16": "bfp16"}
        return stored[self.gradients if self.dtype == "int8" else self.dtype]

    @property
    def integers(self) -> bool:
        """Whether no float is computed with."""
        return self.dtype == "int16"

    def _require_plain(self) -> None:
        """InputError unless the optimizer is one that int8 weights have."""
        if self.optimizer != "sgd" or self.accumulate != 1:
            raise InputError(
                f'train: optimizer is {self.optimizer!r} and accumulate {self.accumulate}; with dtype "int8" expected '
                '"sgd" and 1: others keep a float for each weight'
            )
        if self.adapter_rank != 0:
            raise InputError(f'train: adapter_rank is {self.adapter_rank}; with dtype "int8" expected 0')


INTEGER_CHOICES = {
    "optimizer": "sgd",
    "loss": "softmax_ce",
    "accumulate": 1,
    "latent": False,
    "adapter_rank": 0,
    "decay": 0.0,
}
"""What other choices have to be where dtype is int16."""
FORWARD_CHOICES = {"dtype": "fp32", "loss": "softmax_ce", "accumulate": 1, "latent": False, "adapter_rank": 0}
"""The same where algorithm is forward-forward."""
MAX_SCALE = 65536.0
"""The largest loss scale: gradients of the loss itself then still fit float16."""
