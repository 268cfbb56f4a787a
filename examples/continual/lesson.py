# SPDX-License-Identifier: Apache-2.0
"""What is learnt by a model that knows something already, and how well it then knows both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import groat
from groat.train.export import to_tflite
from groat.train.latent import LatentTrainer, replay_for
from groat.train.loop import accuracy
from groat.train.replay import Policy

Samples = tuple[Any, Any]
"""Inputs [n, ...] and labels [n]."""
FORGETFUL = 0
"""Replays for each new sample, of who has no buffer."""
SHOWN = 50  # samples that show the range of what the frozen layers give


@dataclass(frozen=True)
class Lesson:
    """New classes for a model.

    Attributes:
        model: a TFLite model.
        train: what is trained, and how; with latent=True.
        known: samples that are offered to the buffer before the first new one comes.
        stream: new samples, in the order in which they come.
        tests: samples that it is judged by, under their names.
        capacity: samples that the buffer holds.
        replays: samples from the buffer that are trained on beside each new one.
        rate: the learning rate.
        policy: of the buffer.
        keep: new samples are offered to the buffer too.
        seed: of the buffer's choices.
    """

    model: bytes
    train: groat.Train
    known: Samples
    stream: Samples
    tests: Mapping[str, Samples]
    capacity: int
    replays: int
    rate: float
    policy: Policy = "fill"
    keep: bool = False
    seed: int = 3

    def compiled(self, target: str) -> groat.Compiled:
        return groat.compile(self.model, target=target, train=self.train)


def measure(lesson: Lesson, parameters: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Accuracy on each of the tests, on this computer, with the parameters that something has learnt."""
    with lesson.compiled("host").on("host") as session:
        if parameters is not None:
            session.set_parameters(parameters)
        return {name: accuracy(session.runner, x, y) for name, (x, y) in lesson.tests.items()}


def learn(lesson: Lesson, on: str, replays: int) -> dict[str, float]:
    """Accuracy on each of the tests, after the stream of new samples."""
    with lesson.compiled(on.removeprefix("qemu:")).on(on) as session:
        stream(lesson, session, replays)
        return measure(lesson, session.parameters())


def stream(lesson: Lesson, session: groat.Session, replays: int) -> list[float]:
    """Learns in a session; returns the losses of the new samples."""
    x, y = lesson.known
    trainer = LatentTrainer(session, replay_for(session, x[:SHOWN], lesson.capacity, lesson.policy, lesson.seed))
    if replays != FORGETFUL:
        for sample, label in zip(x, y, strict=True):
            trainer.remember(sample, int(label))
    new = zip(*lesson.stream, strict=True)
    keep = lesson.keep and replays != FORGETFUL
    return [trainer.step(sample, int(label), lesson.rate, replays, keep) for sample, label in new]


def pretrained(model: bytes, samples: Samples, rates: tuple[float, ...], seed: int) -> bytes:
    """A model of floats after an epoch of plain gradient descent at each of the rates, as a TFLite model."""
    x, y = samples
    draw = np.random.default_rng(seed)
    with groat.compile(model, train=groat.Train()).on("host") as session:
        for rate in rates:
            order = draw.permutation(len(x))
            session.trainer.steps(x[order], y[order][:, np.newaxis], rate)
        return to_tflite(model, session.parameters())
