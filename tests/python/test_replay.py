# SPDX-License-Identifier: Apache-2.0
"""The latent replay buffer against a second one in Python: what is kept, what is drawn, and how it is rounded."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from tests.support.flash import Flash, Store

from groat.errors import InputError
from groat.train.replay import POLICIES, Policy, Replay

SCALE, ZERO_POINT = 0.05, -7


class Generator:
    """PCG-XSH-RR of 64 bits and Lemire's numbers below a bound, from the papers."""

    def __init__(self, seed: int) -> None:
        self.state = 0
        self.bits()
        self.state = (self.state + seed) % 2**64
        self.bits()

    def bits(self) -> int:
        state, self.state = self.state, (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        shifted, turn = ((state >> 18 ^ state) >> 27) % 2**32, state >> 59
        return (shifted >> turn | shifted << 32 - turn) % 2**32

    def below(self, bound: int) -> int:
        while True:
            product = self.bits() * bound
            if product % 2**32 >= 2**32 % bound:
                return product >> 32


class Kept:
    """Which samples a buffer has, by number, oldest first."""

    def __init__(self, policy: Policy, capacity: int, seed: int) -> None:
        self.policy, self.capacity = policy, capacity
        self.generator = Generator(seed)
        self.numbers: list[int] = []

    def add(self, number: int) -> None:
        if len(self.numbers) < self.capacity:
            self.numbers.append(number)
        elif self.policy == "ring":
            self.numbers = [*self.numbers[1:], number]
        else:
            place = self.generator.below(number + 1)
            if place < self.capacity:
                self.numbers[place] = number


def sample_of(number: int) -> np.ndarray[Any, np.dtype[np.int8]]:
    return np.random.default_rng(number).integers(-128, 128, (2, 3, 4), np.int8)


def replay_of(policy: Policy, capacity: int, seed: int = 0) -> Replay:
    return Replay((2, 3, 4), capacity, policy, scale=SCALE, zero_point=ZERO_POINT, seed=seed)


@pytest.mark.parametrize("policy", ["ring", "reservoir"])
@pytest.mark.parametrize("capacity", [1, 2, 7, 20])
def test_the_samples_that_are_kept_and_drawn_are_those_of_the_reference(policy: Policy, capacity: int) -> None:
    for seed in (0, 1, 2**32 - 1):
        replay, kept = replay_of(policy, capacity, seed), Kept(policy, capacity, seed)
        for number in range(60):
            replay.add(sample_of(number), number)
            kept.add(number)
            assert replay.draw() == kept.generator.below(len(kept.numbers))
            if number % 7 == 0:  # it is all in its bytes
                replay = Replay.from_bytes(replay.to_bytes(), replay.shape)
            assert len(replay) == len(kept.numbers)
            for index, expected in enumerate(kept.numbers):
                sample, label = replay.get(index, "int8")
                assert label == expected
                assert np.array_equal(sample, sample_of(expected))


def test_the_reservoir_keeps_each_sample_with_the_same_probability() -> None:
    """Chi-squared of 40 samples of which 8 are kept, 2,000 times; 0.1 % of honest generators would exceed the bound."""
    counts = np.zeros(40)
    for seed in range(2000):
        replay = Replay((1,), 8, "reservoir", scale=1.0, seed=seed)
        for number in range(40):
            replay.add(np.int8([0]), number)
        counts[[replay.get(index)[1] for index in range(8)]] += 1
    expected = 2000 * 8 / 40
    # Draws without replacement vary less than independent ones, by (1 - 8/40).
    assert np.sum((counts - expected) ** 2 / expected) / (1 - 8 / 40) < 72.1
    assert counts.std() > 5  # they are drawn, not dealt


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    def filled(seed: int) -> bytes:
        replay = replay_of("reservoir", 5, seed)
        for number in range(50):
            replay.add(sample_of(number), number)
        return replay.to_bytes()

    assert filled(3) == filled(3)
    assert filled(3) != filled(4)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_full_buffer_does_what_its_policy_says(policy: Policy) -> None:
    replay = replay_of(policy, 3)
    for number in range(3):
        replay.add(sample_of(number), number)
    before = replay.to_bytes()
    if policy == "fill":
        with pytest.raises(
            InputError, match=r"label 3 cannot be added: E_REPLAY_FULL \(-51\): the replay buffer is full"
        ):
            replay.add(sample_of(3), 3)
        assert replay.to_bytes() == before
    else:
        for number in range(3, 30):
            replay.add(sample_of(number), number)
        assert replay.to_bytes() != before
    assert len(replay) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(("scale", "zero_point"), [(0.05, -7), (1.0, 0), (2.0**-9, 127), (3.7, -128)])
def test_floats_are_rounded_half_away_from_zero_and_saturate(dtype: Any, scale: float, zero_point: int) -> None:
    draw = np.random.default_rng(5)
    values = draw.normal(0, 60 * scale, 150)
    values[:20] = (np.arange(20) - 10 + 0.5) * scale  # ties
    values[20:24] = [-60000, 60000, 0, -0.0]
    x = values.astype(dtype)
    replay = Replay((150,), 1, "ring", scale=scale, zero_point=zero_point)
    replay.add(x, -5)
    quotient = x.astype(np.float64) / float(np.float32(scale))
    rounded = np.trunc(quotient + np.copysign(0.5, quotient))
    expected = np.clip(rounded + zero_point, -128, 127).astype(np.int8)
    stored, label = replay.get(0, "int8")
    assert label == -5
    exact = np.abs(np.abs(quotient % 1) - 0.5) > 1e-5  # the float32 quotient may lie on the other side of a tie
    assert np.array_equal(stored[exact], expected[exact])
    assert np.abs(stored.astype(int) - expected).max() <= 1
    real = np.float32(scale) * (stored.astype(np.float32) - zero_point)
    assert np.array_equal(replay.get(0, "float32")[0], real)
    assert np.array_equal(replay.get(0, "float16")[0], real.astype(np.float16))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 63, 64, 149])
def test_a_value_that_is_not_finite_changes_nothing(dtype: Any, value: float, at: int) -> None:
    replay = Replay((150,), 2, "reservoir", scale=1.0)
    replay.add(np.zeros(150, np.float32), 1)
    before = replay.to_bytes()
    x = np.zeros(150, dtype)
    x[at] = value
    with pytest.raises(InputError, match=r"E_NOT_FINITE \(-50\): a value is infinite or not a number"):
        replay.add(x, 2)
    assert replay.to_bytes() == before


def test_what_makes_no_sense_is_refused() -> None:
    replay = replay_of("ring", 3)
    with pytest.raises(InputError, match=r"shape \(2, 3\) and dtype float32; expected \(2, 3, 4\)"):
        replay.add(np.zeros((2, 3), np.float32), 0)
    with pytest.raises(InputError, match=r"dtype float64; expected .* float32, float16, int8"):
        replay.add(np.zeros((2, 3, 4)), 0)
    with pytest.raises(InputError, match="label 4294967296 cannot be added"):
        replay.add(sample_of(0), 2**32)
    with pytest.raises(InputError, match="sample 0 does not exist: the buffer has 0"):
        replay.get(0)
    with pytest.raises(InputError, match=r"nothing can be drawn: E_REPLAY_EMPTY \(-52\)"):
        replay.draw()
    with pytest.raises(InputError, match="dtype 'int32'; expected one of float32"):
        replay.get(0, "int32")
    with pytest.raises(InputError, match="policy 'lifo' is unknown; expected one of fill, ring, reservoir"):
        Replay((1,), 1, "lifo", scale=1.0)  # type: ignore[arg-type]
    good = {"scale": 1.0, "zero_point": 0, "seed": 0}
    for shape, capacity, change in [
        ((0,), 1, {}),
        ((1,), 0, {}),
        ((1,), -1, {}),
        ((65536,), 65536, {}),
        ((2**33,), 1, {}),
        *(((1,), 1, {"scale": scale}) for scale in (0.0, -1.0, np.nan, np.inf)),
        *(((1,), 1, {"zero_point": point}) for point in (-129, 128)),
        *(((1,), 1, {"seed": seed}) for seed in (-1, 2**32)),
    ]:
        with pytest.raises(InputError, match="cannot be made"):
            Replay(shape, capacity, **{**good, **change})


def test_damaged_bytes_are_refused_or_harmless() -> None:
    """Any value in any field of the struct: it is refused, or what is there can be read, written and drawn."""
    replay = replay_of("ring", 4)
    for number in range(6):
        replay.add(sample_of(number), number)
    memory = replay.to_bytes()
    header = len(memory) - 4 * (4 + 24)
    refused = 0
    for at, value in itertools.product(range(0, header, 4), [0, 1, 3, 4, 5, 255, 0x3F800000, 0x7F800000, 2**32 - 1]):
        damaged = memory[:at] + value.to_bytes(4, "little") + memory[at + 4 :]
        try:
            copy = Replay.from_bytes(damaged, replay.shape)
        except InputError:
            refused += 1
            continue
        copy.add(sample_of(9), 9)
        copy.get(copy.draw())
    assert refused > 50
    for count in (0, 1, header - 1, header, len(memory) - 1):
        with pytest.raises(InputError, match="cannot be opened as a replay buffer: E_REPLAY_DAMAGED"):
            Replay.from_bytes(memory[:count], replay.shape)
    with pytest.raises(InputError, match=r"samples of 24 elements; expected shape \(5,\)"):
        Replay.from_bytes(memory, (5,))


def test_a_buffer_survives_in_flash(tmp_path: Any) -> None:
    store = Store(tmp_path)
    replay = replay_of("reservoir", 10, 3)
    for number in range(30):
        replay.add(sample_of(number), number)
    memory = replay.to_bytes()
    flash = Flash(4096, 256, 8)
    port = store.port(flash)
    assert store.commit(port, 1, memory) == store.lib.GROAT_OK
    status, restored = store.restore(port, 1, len(memory))
    assert status == store.lib.GROAT_OK
    copy = Replay.from_bytes(restored, replay.shape)
    for number in range(30, 60):
        replay.add(sample_of(number), number)
        copy.add(sample_of(number), number)
        assert replay.draw() == copy.draw()
    assert replay.to_bytes() == copy.to_bytes()
