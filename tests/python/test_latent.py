# SPDX-License-Identifier: Apache-2.0
"""Training with latent replay; test_continual.py has what a model forgets without it, and keeps with it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tools.tflite_builder import Builder, Quant

import groat
from groat.errors import InputError
from groat.train.latent import LatentTrainer, features, replay_for
from groat.train.replay import Replay

RNG = np.random.default_rng(11)


# ---- The trainer ------------------------------------------------------------------------------------------------


def compiled(dtype: str = "fp32", latent: bool = True) -> groat.Compiled:
    m = Builder()
    x = m.input((1, 6), "float32")
    x = m.fully_connected(x, RNG.normal(size=(5, 6)).astype(np.float32), None, None, None, activation="RELU")
    y = m.fully_connected(x, RNG.normal(size=(3, 5)).astype(np.float32), np.zeros(3, np.float32), None, None)
    return groat.compile(m.build([y]), train=groat.Train(layers="last:1", latent=latent, dtype=dtype))


@pytest.fixture
def session() -> Iterator[groat.Session]:
    with compiled().on("host") as opened:
        yield opened


def test_a_step_trains_on_new_and_drawn_samples(session: groat.Session) -> None:
    """The same as features and steps by hand."""
    x = RNG.normal(size=(4, 6)).astype(np.float32)
    replay = replay_for(session, list(x), 10, seed=2)
    trainer = LatentTrainer(session, replay)
    for label in range(3):
        trainer.remember(x[label], label)
    first = session.parameters()
    latent = features(session, x[3])
    by_hand = Replay.from_bytes(replay.to_bytes(), replay.shape)
    trainer.step(x[3], 1, 0.1, replays=2)
    found = session.parameters()

    session.set_parameters(first)
    session.train_step(latent, 1, 0.1)
    for _ in range(2):
        session.train_step(*by_hand.get(by_hand.draw()), 0.1)
    by_hand.add(latent, 1)
    expected = session.parameters()
    assert not any(np.array_equal(found[name], first[name]) for name in found)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
    assert replay.to_bytes() == by_hand.to_bytes()
    assert len(replay) == 4


def test_the_range_of_a_buffer_is_that_of_the_samples(session: groat.Session) -> None:
    x = RNG.normal(size=(50, 6)).astype(np.float32)
    replay = replay_for(session, list(x), 50, "fill")
    trainer = LatentTrainer(session, replay)
    for index in range(50):
        trainer.remember(x[index], index)
    exact = np.concatenate([trainer.features(sample) for sample in x])
    kept = np.concatenate([replay.get(index)[0] for index in range(50)])
    assert np.abs(kept - exact).max() <= np.ptp(exact) / 255
    with pytest.raises(InputError, match="E_REPLAY_FULL"):
        trainer.remember(x[0], 0)


def test_float16_goes_the_same_way() -> None:
    with compiled("fp16").on("host") as session:
        x = RNG.normal(size=6).astype(np.float16)
        trainer = LatentTrainer(session, replay_for(session, [x], 5))
        trainer.remember(x, 0)
        assert np.isfinite(trainer.step(x, 1, 0.1, replays=3))
        assert len(trainer.replay) == 2


def test_a_frozen_int8_model_gives_int8_samples() -> None:
    m = Builder()
    x = m.input((1, 6), "int8", Quant(0.1, 3))
    weights = RNG.integers(-127, 128, (5, 6)).astype(np.int8)
    x = m.fully_connected(x, weights, None, Quant(0.01), Quant(0.2, -5))
    y = m.fully_connected(
        m.dequantize(x), RNG.normal(size=(3, 5)).astype(np.float32), np.zeros(3, np.float32), None, None
    )
    train = groat.Train(layers="last:1", latent=True)
    with groat.compile(m.build([y]), train=train).on("host") as session:
        replay = replay_for(session, [], 5, "ring")
        trainer = LatentTrainer(session, replay)
        sample = RNG.integers(-128, 128, 6).astype(np.int8)
        latent = trainer.features(sample)
        assert latent.dtype == np.int8
        trainer.step(sample, 2, 0.01)
        np.testing.assert_array_equal(replay.get(0, "int8")[0], latent)
        np.testing.assert_allclose(replay.get(0)[0], np.float32(0.2) * (latent.astype(np.float32) + 5))


def test_what_does_not_fit_is_refused(session: groat.Session) -> None:
    with pytest.raises(InputError, match=r"samples of shape \(5,\); the freeze point has \(1, 5\)"):
        LatentTrainer(session, Replay((5,), 3, scale=1.0))
    with pytest.raises(InputError, match="measured with samples; found none"):
        replay_for(session, [], 3)
    with compiled(latent=False).on("host") as other, pytest.raises(InputError, match="no program 'features'"):
        replay_for(other, [np.zeros(6, np.float32)], 3)
    trainer = LatentTrainer(session, Replay((1, 5), 3, scale=1.0))
    with pytest.raises(InputError, match="label"):
        trainer.step(np.zeros(6, np.float32), 3, 0.1)
    assert len(trainer.replay) == 0


def test_a_full_buffer_is_said_before_anything_is_learnt(session: groat.Session) -> None:
    x = RNG.normal(size=(3, 6)).astype(np.float32)
    replay = replay_for(session, list(x), 2, "fill")
    trainer = LatentTrainer(session, replay)
    assert not replay.full
    for label in range(2):
        trainer.remember(x[label], label)
    assert replay.full
    before, kept = session.parameters(), replay.to_bytes()
    with pytest.raises(InputError, match=r"has its 2 samples .* step with keep=False"):
        trainer.step(x[2], 2, 0.1)
    for name, value in session.parameters().items():
        np.testing.assert_array_equal(value, before[name])
    assert replay.to_bytes() == kept
    trainer.step(x[2], 2, 0.1, keep=False)
    assert len(replay) == 2
    assert not any(np.array_equal(value, before[name]) for name, value in session.parameters().items())
    ring = Replay((1, 5), 1, "ring", scale=1.0)
    ring.add(np.zeros((1, 5), np.float32), 0)
    assert not ring.full
