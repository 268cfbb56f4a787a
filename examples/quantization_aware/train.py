# SPDX-License-Identifier: Apache-2.0
"""Quantisation-aware training: what it wins back where four bits for a weight lose too much.

A small network of PyTorch learns to tell images apart, and a wide one, the teacher.  The small one is quantised after
training, and then trained on: alone, and with the teacher.

    python examples/quantization_aware/train.py
    python examples/quantization_aware/train.py --data images.npz --scheme int8 --epochs 10 -o model.groat
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import nn

import groat
import groat.qat
from groat.samples import load_samples

DIGITS = Path(__file__).parent.parent / "digits"
Array = npt.NDArray[Any]
CALIBRATION = 200  # samples


def load(path: Path | None) -> tuple[Array, Array, Array, Array]:
    """(x, y, x_test, y_test): images float32 [n, h, w, c] from 0 to 1, labels int64 [n].

    An .npz has arrays of these names; without one, scikit-learn's scans of digits.
    """
    if path is None:
        sys.path.insert(0, str(DIGITS))
        import data

        x, y, x_test, y_test = data.load()
        return x / data.PIXEL_MAX, y, x_test / data.PIXEL_MAX, y_test
    known, judged = load_samples(path), load_samples(path, judging=True)
    for samples in (known, judged):
        if samples.y is None or len(samples.inputs) != 1 or samples.inputs[0].ndim != 4:
            raise groat.InputError(f"{path}: expected images x [n, h, w, c] and labels y, x_test and y_test")
    scale = 255 if known.inputs[0].dtype == np.uint8 else 1
    (x,), (x_test,) = known.inputs, judged.inputs
    return (
        (x / scale).astype(np.float32),
        np.asarray(known.y, np.int64),
        (x_test / scale).astype(np.float32),
        np.asarray(judged.y, np.int64),
    )


def network(channels: int, classes: int, width: int) -> nn.Sequential:
    """Blocks of a depthwise and a 1x1 convolution, as in MobileNets; images [n, c, h, w]."""

    def block(before: int, after: int, stride: int) -> list[nn.Module]:
        depthwise = nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False)
        pointwise = nn.Conv2d(before, after, 1, bias=False)
        parts: list[nn.Module] = []
        for layer, depth in ((depthwise, before), (pointwise, after)):
            parts += [layer, nn.BatchNorm2d(depth), nn.ReLU6()]
        return parts

    return nn.Sequential(
        nn.Conv2d(channels, width, 3, 1, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU6(),
        *block(width, 2 * width, 2),
        *block(2 * width, 2 * width, 1),
        *block(2 * width, 4 * width, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )


def teach(model: nn.Module, x: Array, y: Array, epochs: int, progress: Any) -> None:
    """Ordinary training in floats."""
    images, labels = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), torch.from_numpy(y)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    batches = -(-len(x) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=epochs * batches)
    model.train()
    for epoch in range(epochs):
        for step, places in enumerate(torch.randperm(len(x)).chunk(batches)):
            loss = nn.functional.cross_entropy(model(images[places]), labels[places])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            progress(f"floats, epoch {epoch + 1} of {epochs}", step + 1, batches)
    model.eval()


def accuracy(model: Any, x: Array, y: Array) -> float:
    """The share of images, as the model is given them, that it tells right."""
    with torch.no_grad():
        parts = [model(part).flatten(1).argmax(1) for part in torch.from_numpy(x).split(500)]
    return float((torch.cat(parts) == torch.from_numpy(y)).float().mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="an .npz of images (default: scikit-learn's digits)")
    parser.add_argument("--scheme", default="w4a8", help="of quantisation (default: w4a8)")
    parser.add_argument("--width", type=int, default=3, help="channels of the first layer (default: 3)")
    parser.add_argument("--float-epochs", type=int, default=30, help="of training in floats (default: 30)")
    parser.add_argument("--epochs", type=int, default=15, help="of quantisation-aware training (default: 15)")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="of it (default: 0.002)")
    parser.add_argument("-o", "--output", type=Path, help="where the best model goes, packed for --target")
    parser.add_argument("--target", default="cortex-m4", help="(default: cortex-m4)")
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)  # layers are too small to share
    console = Console(width=None if sys.stdout.isatty() else 100)
    try:
        x, y, x_test, y_test = load(options.data)
        with Progress(console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task("")

            def progress(what: str, done: int, total: int) -> None:
                bars.update(task, description=what, completed=done, total=total)

            def first(images: torch.Tensor) -> torch.Tensor:
                return images.permute(0, 3, 1, 2)

            classes = int(y.max()) + 1
            small, wide = (network(x.shape[3], classes, options.width * factor) for factor in (1, 4))
            for model in (small, wide):
                teach(model, x, y, options.float_epochs, progress)
            loaded = groat.load(small, torch.from_numpy(x[:1].transpose(0, 3, 1, 2).copy()))
            made = groat.quantize(loaded, x[:CALIBRATION], scheme=options.scheme, progress=progress)
            rows = [
                ("teacher, floats", accuracy(lambda images: wide(first(images)), x_test, y_test)),
                ("floats", accuracy(lambda images: small(first(images)), x_test, y_test)),
                (f"{options.scheme}, quantised after training", accuracy(groat.qat.prepare(made), x_test, y_test)),
            ]
            for name, teacher in (("trained on", None), ("trained on with the teacher", lambda i: wide(first(i)))):
                learner = groat.qat.prepare(made)
                groat.qat.train(
                    learner,
                    (x, y),
                    options.epochs,
                    learning_rate=options.learning_rate,
                    teacher=teacher,
                    progress=progress,
                )
                rows.append((f"{options.scheme}, {name}", accuracy(learner, x_test, y_test)))
        table = Table("model", "accuracy", title=f"{len(x_test):,} images that were not learnt", title_justify="left")
        for name, share in rows:
            table.add_row(name, f"{share:.2%}")
        console.print(table)
        if options.output is not None:
            learner.export().save(options.output, options.target)
            console.print(f"{options.output}: {options.output.stat().st_size:,} bytes for {options.target}")
    except groat.GroatError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
