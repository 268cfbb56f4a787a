# SPDX-License-Identifier: Apache-2.0
"""Measures what the layouts of a kernel set cost and writes its table, python/groat/pack/layouts/<packing>.toml.

    python tools/measure_layouts.py                 every kernel
    python tools/measure_layouts.py --check         says how far the committed table is from new measurements

Layers of many shapes run in the emulator, each in every layout that is offered for it, and their executed instructions
are counted.  For each kernel and layout, prices of its units of work (groat.pack.layouts.Candidate.work) are fitted:
none negative, and with the least sum of squared relative errors.  A layer's expected instructions are its work times
these prices.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from groat import kernels
from groat.compiler import write_file
from groat.errors import InputError
from groat.graph.ir import Array
from groat.pack.layouts import Candidate, candidates, costs

PACKING, TARGET = "dsp", "cortex-m4"
Case = Callable[[], Any]


def _filters(rng: np.random.Generator, *shape: int) -> Array:
    """As trained weights are: small ones are frequent."""
    return np.clip(np.round(rng.laplace(0, 18, shape)), -127, 127).astype(np.int8)


def _constants(rng: np.random.Generator, count: int, low: int = -128) -> dict[str, Any]:
    return {
        "bias": rng.integers(-8000, 8000, count).astype(np.int32),
        "multiplier": 1_400_000_000,
        "shift": -8,
        "input_zero_point": -5,
        "output_zero_point": 3,
        "act_min": low,
        "on": f"qemu:{TARGET}",
    }


def _convolution(size: int, depth: int, filters: int, kernel: int, stride: int = 1, low: int = -128) -> Case:
    rng = np.random.default_rng(size * depth)
    x = rng.integers(-128, 128, (1, size, size, depth)).astype(np.int8)
    weights, constants = _filters(rng, filters, kernel, kernel, depth), _constants(rng, filters, low)
    return lambda: kernels.measure(kernels.conv2d, x, weights, stride=stride, padding="same", **constants)


def _dense(depth: int, units: int, batches: int = 1) -> Case:
    rng = np.random.default_rng(depth)
    x = rng.integers(-128, 128, (batches, depth)).astype(np.int8)
    weights, constants = _filters(rng, units, depth), _constants(rng, units)
    return lambda: kernels.measure(kernels.fully_connected, x, weights, **constants)


def _depthwise(size: int, depth: int, kernel: int, stride: int = 1, dilation: int = 1, multiplier: int = 1) -> Case:
    rng = np.random.default_rng(size * depth)
    x = rng.integers(-128, 128, (1, size, size, depth)).astype(np.int8)
    weights = _filters(rng, 1, kernel, kernel, depth * multiplier)
    options = {"stride": stride, "dilation": dilation, "padding": "same"} | _constants(rng, depth * multiplier)
    return lambda: kernels.measure(kernels.depthwise_conv2d, x, weights, **options)


def cases() -> Iterator[Case]:
    for size, depth, filters in ((24, 8, 16), (20, 16, 32), (12, 32, 32), (12, 64, 32), (6, 128, 64), (5, 200, 24)):
        yield _convolution(size, depth, filters, 1)
    for size, depth, filters in ((16, 3, 16), (16, 16, 16), (12, 16, 32), (12, 32, 16), (8, 32, 32), (8, 64, 16)):
        yield _convolution(size, depth, filters, 3)
    for size, depth, filters in ((9, 12, 8), (7, 24, 16), (13, 8, 8), (20, 4, 8), (24, 8, 4), (6, 64, 8)):
        yield _convolution(size, depth, filters, 3)
    for size, depth, filters in ((16, 16, 16), (12, 32, 16), (9, 64, 8)):
        yield _convolution(size, depth, filters, 3, stride=2)
    for size, depth, filters in ((10, 8, 16), (8, 32, 8), (6, 64, 8)):
        yield _convolution(size, depth, filters, 1, low=-127)
    for depth, units, batches in ((64, 10, 1), (128, 128, 1), (640, 64, 1), (256, 12, 1), (100, 40, 2), (64, 16, 5)):
        yield _dense(depth, units, batches)
    for size, depth, kernel, stride in ((24, 8, 3, 1), (12, 32, 3, 1), (9, 64, 3, 1), (12, 64, 3, 2), (5, 128, 3, 1)):
        yield _depthwise(size, depth, kernel, stride)
    for size, depth, kernel, stride in ((12, 16, 5, 1), (10, 48, 5, 1), (9, 32, 7, 1), (12, 32, 5, 2), (16, 8, 7, 1)):
        yield _depthwise(size, depth, kernel, stride)
    for size, depth, kernel in ((24, 8, 3), (12, 32, 3), (9, 64, 3), (12, 16, 5), (10, 48, 5), (9, 32, 7)):
        yield _depthwise(size, depth, kernel, dilation=2)
    for size, multiplier, kernel in ((24, 8, 3), (20, 16, 3), (12, 8, 5), (16, 16, 5)):
        yield _depthwise(size, 1, kernel, multiplier=multiplier)


def _offered(case: Case) -> list[Candidate]:
    """What is offered for a layer, without running it."""
    seen: list[Candidate] = []
    original = candidates

    def spy(*arguments: Any) -> list[Candidate]:
        seen[:] = original(*arguments)
        raise InputError("seen enough")

    import groat.pack.writer as writer

    writer.candidates = spy
    try:
        case()
    except InputError:
        pass
    finally:
        writer.candidates = original
    return seen


def measure() -> dict[str, list[tuple[dict[str, int], int]]]:
    """Kernel -> (work, instructions) of each layer that was measured."""
    found: dict[str, list[tuple[dict[str, int], int]]] = defaultdict(list)
    for case in cases():
        for offer in _offered(case):
            with kernels.use_layout(offer.name):
                found[offer.kernel].append((dict(offer.work), case().instructions))
    return dict(found)


def fit(samples: list[tuple[dict[str, int], int]]) -> dict[str, float]:
    """Prices that are not negative, by coordinate descent on squared relative errors."""
    units = list(samples[0][0])
    rows = np.array([[work[unit] / count for unit in units] for work, count in samples])
    used = rows.max(axis=0) > 0
    scale = np.where(used, np.sqrt((rows**2).sum(axis=0)), 1.0)
    rows = rows / scale
    prices = np.zeros(len(units))
    error = np.ones(len(rows))  # 1 - rows @ prices
    for _ in range(20_000):
        for i in np.flatnonzero(used):
            step = max(rows[:, i] @ error, -prices[i])
            prices[i] += step
            error -= step * rows[:, i]
    return dict(zip(units, (prices / scale).tolist(), strict=True))


def worst(samples: list[tuple[dict[str, int], int]], prices: dict[str, float]) -> float:
    """The largest relative error."""
    return max(abs(sum(prices[unit] * n for unit, n in work.items()) / count - 1) for work, count in samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    arguments = parser.parse_args()
    found = measure()
    if arguments.check:
        for kernel, samples in found.items():
            print(f"{kernel}: at most {worst(samples, dict(costs.load_table(PACKING)[kernel])):.0%} off")
        return
    lines = [
        "# SPDX-License-Identifier: Apache-2.0",
        f"# Executed instructions for each unit of work of the {PACKING} kernels in their layouts, counted in QEMU on",
        f"# {TARGET} and fitted by tools/measure_layouts.py, which says how.",
    ]
    for kernel, samples in sorted(found.items()):
        prices = fit(samples)
        lines += ["", f"# {len(samples)} layers, at most {worst(samples, prices):.0%} off", f'[costs."{kernel}"]']
        lines += [f"{unit} = {price:.3f}" for unit, price in prices.items()]
    write_file(costs.table_path(PACKING), ("\n".join(lines) + "\n").encode())
    print(f"wrote {costs.table_path(PACKING)}")


if __name__ == "__main__":
    main()
