# SPDX-License-Identifier: Apache-2.0
"""Teaches a model two more digits without letting it forget the others.

A small float network learns the digits 0 to 7.  Then its last layer is trained on a device, or on this computer, with
a stream of 8s and 9s alone: once as they come, and once with latent replay, a buffer of what the frozen layers made of
earlier digits.

    python examples/continual/continual.py
    python examples/continual/continual.py --on qemu:cortex-m4
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import groat
from groat.train.export import to_tflite
from groat.train.latent import LatentTrainer, replay_for

ROOT = Path(__file__).resolve().parents[2]
NEW = 8  # digits from here on come later
CHANNELS = 16
EPOCHS, RATE = 4, 0.02  # of the model that knows the digits below NEW
STREAM_RATE = 0.02
CAPACITY, REPLAYS, SEED = 200, 8, 3


def untrained() -> bytes:
    """A float32 TFLite model with random weights: two convolutions, mean, dense."""
    sys.path.insert(0, str(ROOT))
    from tools.tflite_builder import Builder

    draw = np.random.default_rng(SEED)

    def weights(*shape: int) -> Any:
        """He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015."""
        return draw.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)

    m = Builder()
    x = m.input((1, 8, 8, 1), "float32")
    x = m.conv_2d(x, weights(CHANNELS, 3, 3, 1), np.zeros(CHANNELS, np.float32), None, None, activation="RELU")
    x = m.conv_2d(
        x,
        weights(2 * CHANNELS, 3, 3, CHANNELS),
        np.zeros(2 * CHANNELS, np.float32),
        None,
        None,
        stride=(2, 2),
        activation="RELU",
    )
    x = m.conv_2d(
        x,
        weights(2 * CHANNELS, 3, 3, 2 * CHANNELS),
        np.zeros(2 * CHANNELS, np.float32),
        None,
        None,
        stride=(2, 2),
        activation="RELU",
    )
    x = m.reshape(x, (1, 4 * 2 * CHANNELS))
    return m.build([m.fully_connected(x, weights(10, 4 * 2 * CHANNELS), np.zeros(10, np.float32), None, None)])


def scans() -> tuple[Any, Any, Any, Any]:
    """(train_x, train_y, test_x, test_y); images [n, 8, 8, 1] from 0 to 1."""
    sys.path.insert(0, str(ROOT / "examples" / "digits"))
    import data

    train_x, train_y, test_x, test_y = data.load()
    return train_x / data.PIXEL_MAX, train_y, test_x / data.PIXEL_MAX, test_y


def accuracy(session: groat.Session, images: Any, labels: Any) -> float:
    """In percent."""
    session.runner.select("infer")
    (outputs,) = session.runner.run_batch([images[:, np.newaxis]])
    return 100 * float(np.mean(outputs.reshape(len(labels), -1).argmax(axis=1) == labels))


def pretrained() -> bytes:
    """A TFLite model that knows the digits below NEW."""
    train_x, train_y, _, _ = scans()
    known = np.flatnonzero(train_y < NEW)
    model = untrained()
    compiled = groat.compile(model, train=groat.Train())
    draw = np.random.default_rng(SEED)
    for _ in range(EPOCHS):
        for index in draw.permutation(known):
            compiled.train_step(train_x[index], int(train_y[index]), RATE)
    return to_tflite(model, compiled.parameters())


def learn(model: bytes, on: str, target: str, replays: int) -> tuple[float, float]:
    """Accuracy on the old digits and on the new ones, after a stream of new ones."""
    train_x, train_y, test_x, test_y = scans()
    known, new = np.flatnonzero(train_y < NEW), np.flatnonzero(train_y >= NEW)
    compiled = groat.compile(model, target=target, train=groat.Train(layers="last:1", latent=True))
    with compiled.on(on) as session:
        replay = replay_for(session, list(train_x[known[:50]]), CAPACITY, seed=SEED)
        trainer = LatentTrainer(session, replay)
        for index in known:
            trainer.remember(train_x[index], int(train_y[index]))
        for index in new:
            trainer.step(train_x[index], int(train_y[index]), STREAM_RATE, replays)
        old = test_y < NEW
        return accuracy(session, test_x[old], test_y[old]), accuracy(session, test_x[~old], test_y[~old])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", default="host", help="where the new digits are learnt, for example qemu:cortex-m4")
    on = parser.parse_args().on
    target = on.removeprefix("qemu:")
    _, _, test_x, test_y = scans()
    model = pretrained()
    with groat.compile(model).on("host") as session:
        old = test_y < NEW
        before = accuracy(session, test_x[old], test_y[old]), accuracy(session, test_x[~old], test_y[~old])
    print(f"{'':22}  digits 0-7  digits 8-9")
    for name, figures in (
        ("before", before),
        ("stream alone", learn(model, on, target, 0)),
        (f"with {REPLAYS} replays each", learn(model, on, target, REPLAYS)),
    ):
        print(f"{name:22}  {figures[0]:8.1f} %  {figures[1]:8.1f} %")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
