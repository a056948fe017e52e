"""Speed and memory of the activation cache beside raw files, and the price of compression.

Every comparison alternates its arms in one process and takes the median of the ratios; files lie in
the page cache, so that reading is compared with memory and not with a disk. A ratio of CPU seconds
hardly changes when others use the machine; a ratio of wall times does.

    python -m benchmarks.cache --folder /tmp --check
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import torch

from benchmarks.processor import machine
from protsae.config.sae_settings import TrainSettings
from protsae.device import products_dtype
from protsae.io.hdf5.activation_cache import LayerCache, LayerFormat, write_shard
from protsae.io.hdf5.checked_rows import CheckedRows
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.hdf5.shuffling import shuffled_batches
from protsae.io.hdf5.stored_rows import Compression
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Batch
from protsae.sae.training.step import SaeTraining

PROTEIN_SET = "0" * 64
SOURCE = CacheSource("benchmark", "", PROTEIN_SET, "{}", "0")
LENGTH = 350
"""Residues of every protein: about the mean of Swiss-Prot."""
BLOCK_ROWS = LENGTH
"""Rows written and read at a time: a protein, as the stages do."""
MIXED = 16
"""Proteins that every shuffled batch has to draw from, at least."""
SIZES = (100_000, 1_000_000, 10_000_000)
MEMORY_D_MODEL = 128
LIMIT = 0.8
NO_TARGET = (
    *("shuffle beside LayerCache slices (no target)", "read (no target)", "write (no target)"),
)
CHECKS = 0.03
"""Highest share of training's CPU time that checksums may take."""
GROWTH = 1.1
"""Highest peak memory of the largest cache over the smallest that counts as flat."""

Arm = Callable[[], None]


def main() -> None:
    """Measure, print, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", help="where files of up to 3 GB go (default: a temporary one)")
    parser.add_argument("--residues", type=int, default=600_000)
    parser.add_argument("--d-model", type=int, default=320)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--buffer", type=int, default=65_536)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure falls short")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.child:
        task, n_residues, path = args.child
        run_child(task, int(n_residues), path, args)
        return
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="cache-benchmark-") as folder:
        figures = measure(Path(folder), args)
    short = [f"{name} {value:.2f}" for name, value in figures.items() if falls_short(name, value)]
    print(", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    if args.check and short:
        sys.exit(f"falls short: {', '.join(short)}")


def falls_short(name: str, value: float) -> bool:
    """Whether a figure of the last line misses its target."""
    if name in NO_TARGET:
        return False
    if name.startswith("memory"):
        return value > GROWTH
    return value > CHECKS if name.startswith("checksums") else value < LIMIT


def measure(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Print one table per question; returns the figures that have a target."""
    rows = make_rows(args.residues, args.d_model)
    size = rows.nbytes / 1e6
    print(f"{args.residues:,} residues x {args.d_model} float16, {size:.0f} MB; page cache warm\n")
    raw, plain, gzip = (folder / name for name in ("rows.bin", "plain.h5", "gzip.h5"))
    figures = {}

    found = compare(
        {
            "raw file": lambda: write_raw(raw, rows),
            "write_shard": lambda: write_cache(plain, iterate(rows), len(rows), args.d_model),
        },
        args.repetitions,
    )
    report("writing, with fsync", found, size)
    figures[NO_TARGET[2]] = found["write_shard"].wall_ratio

    cache = LayerCache([plain], 0, PROTEIN_SET)
    found = compare(
        {
            "raw file": lambda: read_raw(raw, rows),
            "LayerCache": lambda: read_cache(cache, rows, np.float16),
            "LayerCache as float32": lambda: read_cache(cache, rows, np.float32),
            "LayerCache, not checked": unchecked(lambda: read_cache(cache, rows, np.float16)),
        },
        args.repetitions,
    )
    report(f"sequential reading, {BLOCK_ROWS} rows at a time", found, size)
    figures[NO_TARGET[1]] = found["LayerCache"].wall_ratio

    small = min(args.buffer, 16_384)
    found = compare(
        {
            "contiguous slices": lambda: contiguous(cache, args.batch),
            f"shuffled, buffer {args.buffer:,}": lambda: shuffled(cache, args.batch, args.buffer),
            f"shuffled, buffer {small:,}": lambda: shuffled(cache, args.batch, small),
            "shuffled, not checked": unchecked(lambda: shuffled(cache, args.batch, args.buffer)),
            "h5py slices and astype": lambda: h5py_slices(plain, args.batch),
        },
        args.repetitions,
    )
    report(f"float32 batches of {args.batch}, nothing done with them", found, size)
    n_mixed = mixing(cache, args.batch, args.buffer)
    print(f"every shuffled batch draws from {n_mixed} proteins or more\n")
    assert n_mixed >= MIXED, n_mixed
    # Slicing as one would write it with h5py and numpy is the yardstick; the bare slices of our own
    # reader are one pass at the memory's bandwidth, which no gathering of rows can come near.
    in_order = found["h5py slices and astype"].wall_ratio
    alone = found[f"shuffled, buffer {args.buffer:,}"].wall_ratio
    checked, bare = (
        found[name].cpu for name in (f"shuffled, buffer {args.buffer:,}", "shuffled, not checked")
    )

    steps = 30

    def train_shuffled() -> None:
        names = all_proteins(len(rows))
        batches = shuffled_batches(cache, names, args.batch, args.buffer, 0)
        train(batches, steps, args.d_model)

    found = compare(
        {
            "contiguous slices": lambda: train(slices(cache, args.batch), steps, args.d_model),
            "shuffled": train_shuffled,
        },
        args.repetitions,
    )
    report(
        f"{steps} training steps of a TopK SAE", found, steps * args.batch * rows[0].nbytes / 1e6
    )
    figures["shuffle beside h5py slices"] = alone / in_order
    figures[NO_TARGET[0]] = alone
    # Of an epoch and of a few steps, by residue; a difference of two trainings is all noise.
    of_checks = (checked - bare) / len(rows)
    figures["checksums in training"] = of_checks / (found["shuffled"].cpu / steps / args.batch)
    figures["shuffle in training"] = found["shuffled"].wall_ratio

    price_of_gzip(folder, gzip, rows, args)
    for path in (raw, plain, gzip):
        path.unlink()
    figures |= measure_memory(folder, args)
    return figures


class Timing:
    """Seconds of an arm, and its speed over the first arm's in the same repetition."""

    def __init__(self, wall: list[float], cpu: list[float], first: "Timing | None"):
        self.walls, self.cpus = wall, cpu
        self.wall, self.cpu = statistics.median(wall), statistics.median(cpu)
        reference = first or self
        self.wall_ratio = median_ratio(reference.walls, wall)
        self.cpu_ratio = median_ratio(reference.cpus, cpu)


def median_ratio(first: list[float], second: list[float]) -> float:
    """Median of the ratios of two lists."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


def compare(arms: dict[str, Arm], repetitions: int) -> dict[str, Timing]:
    """Run the arms by turns, the order reversed every other time; one turn is not counted."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in arms}
    for repetition in range(repetitions + 1):
        for name in list(arms)[:: 1 if repetition % 2 else -1]:
            wall, cpu = time.perf_counter(), time.process_time()
            arms[name]()
            spent = (time.perf_counter() - wall, time.process_time() - cpu)
            if repetition:
                seconds[name].append(spent)
    timings: dict[str, Timing] = {}
    for name, spent_all in seconds.items():
        walls, cpus = (list(column) for column in zip(*spent_all, strict=True))
        timings[name] = Timing(walls, cpus, next(iter(timings.values()), None))
    return timings


def report(title: str, timings: dict[str, Timing], size: float) -> None:
    """A Markdown table: speeds in MB of float16 a second, and ratios to the first row."""
    print(f"| {title} | MB/s | MB per CPU-s | speed ratio | per CPU-s |\n|---|---|---|---|---|")
    for name, timing in timings.items():
        speeds = f"{size / timing.wall:,.0f} | {size / timing.cpu:,.0f}"
        print(f"| {name} | {speeds} | {timing.wall_ratio:.2f} | {timing.cpu_ratio:.2f} |")
    print(flush=True)


def make_rows(n_residues: int, d_model: int) -> np.ndarray:
    """Normal values of different scale in each column; the first three number the residue."""
    rng = np.random.default_rng(0)
    scale = 2 ** rng.uniform(-3, 3, d_model).astype(np.float32)
    rows = np.empty((n_residues, d_model), np.float16)
    for first in range(0, n_residues, BLOCK_ROWS):
        block = rows[first : first + BLOCK_ROWS]
        block[:] = rng.standard_normal(block.shape, np.float32) * scale
    number = np.arange(n_residues)
    for column in range(3):
        rows[:, column] = number // 1024**column % 1024
    return rows


def protein_lengths(n_residues: int) -> list[int]:
    """Proteins of `LENGTH`, and one shorter for what is left."""
    whole, rest = divmod(n_residues, LENGTH)
    return [LENGTH] * whole + [rest] * (rest > 0)


def all_proteins(n_residues: int) -> set[str]:
    """Their accessions."""
    return {f"P{i:06d}" for i in range(len(protein_lengths(n_residues)))}


def iterate(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of rows."""
    for first in range(0, len(rows), BLOCK_ROWS):
        yield rows[first : first + BLOCK_ROWS]


def write_raw(path: Path, rows: np.ndarray) -> None:
    """The same bytes into a new file, on disk when done."""
    path.unlink(missing_ok=True)
    with path.open("wb", buffering=0) as handle:
        for block in iterate(rows):
            assert handle.write(block.data) == block.nbytes
        os.fsync(handle.fileno())


def write_cache(
    path: Path,
    blocks: Iterator[np.ndarray],
    n_residues: int,
    d_model: int,
    compression: Compression = "none",
) -> None:
    """A shard of one layer."""
    path.unlink(missing_ok=True)
    lengths = protein_lengths(n_residues)
    names = sorted(all_proteins(n_residues))
    layers = {0: LayerFormat(d_model, "float16")}
    with write_shard(path, names, lengths, layers, SOURCE, compression) as writer:
        first = 0
        for block in blocks:
            writer.write(0, first, block)
            first += len(block)


def read_raw(path: Path, rows: np.ndarray) -> None:
    """Whole file into one block's memory."""
    out = np.empty((BLOCK_ROWS, rows.shape[1]), np.float16)
    with path.open("rb", buffering=0) as handle:
        while handle.readinto(out.data):
            pass


def read_cache(cache: LayerCache, rows: np.ndarray, dtype: type) -> None:
    """Whole shard into one block's memory."""
    out: np.ndarray = np.empty((BLOCK_ROWS, cache.d_model), dtype)
    for first in range(0, len(rows), BLOCK_ROWS):
        cache.read_into(0, first, out[: len(rows) - first])


def slices(cache: LayerCache, batch: int) -> Iterator[np.ndarray]:
    """An epoch of whole batches in file order."""
    for first in range(0, int(cache.index.proteins["length"].sum()) - batch + 1, batch):
        yield cache.read(0, first, first + batch)


def unchecked(arm: Arm) -> Arm:
    """The same with blocks that are read and not checked."""

    def read(self: CheckedRows, block: int, start: int, out: np.ndarray) -> None:
        self._rows.read(start, out)

    def run() -> None:
        with mock.patch.object(CheckedRows, "_read", read):
            arm()

    return run


def contiguous(cache: LayerCache, batch: int) -> None:
    """An epoch in file order."""
    for _ in slices(cache, batch):
        pass


def shuffled(cache: LayerCache, batch: int, buffer_rows: int) -> None:
    """An epoch in random order."""
    n_residues = int(cache.index.proteins["length"].sum())
    batches = shuffled_batches(cache, all_proteins(n_residues), batch, buffer_rows, 0)
    for _ in itertools.islice(batches, n_residues // batch):
        pass


def h5py_slices(path: Path, batch: int) -> None:
    """An epoch in file order as h5py and numpy do it."""
    with h5py.File(path) as file:
        dataset = file["layers/00"]
        for first in range(0, len(dataset) - batch + 1, batch):
            dataset[first : first + batch].astype(np.float32)


def mixing(cache: LayerCache, batch: int, buffer_rows: int) -> int:
    """Fewest proteins that a batch of an epoch draws from; every residue comes once."""
    n_residues = int(cache.index.proteins["length"].sum())
    batches = shuffled_batches(cache, all_proteins(n_residues), batch, buffer_rows, 0)
    powers = 1024.0 ** np.arange(3)
    numbers = [
        (rows[:, :3] @ powers).astype(np.int64)
        for rows in itertools.islice(batches, n_residues // batch)
    ]
    assert len(np.unique(np.concatenate(numbers))) == n_residues // batch * batch
    return min(len(np.unique(number // LENGTH)) for number in numbers)


def train(batches: Iterator[np.ndarray], steps: int, d_model: int) -> None:
    """Steps of an SAE with 4 x d_model features."""
    settings = TrainSettings(architecture="topk", expansion=4, steps=steps)
    training = SaeTraining(build_sae(settings, d_model), settings)
    dtype = products_dtype("auto", torch.device("cpu"))
    for step, rows in zip(range(steps), batches, strict=False):
        training.step(Batch.of(torch.from_numpy(rows) / 512, dtype), step)


def price_of_gzip(folder: Path, path: Path, rows: np.ndarray, args: argparse.Namespace) -> None:
    """Size, writing, sequential and shuffled reading of a compressed shard over a plain one."""
    part = rows[: min(len(rows), 60_000)]
    size = part.nbytes / 1e6
    plain = folder / "part.h5"
    arms: dict[Compression, Path] = {"none": plain, "gzip": path}

    def write(compression: Compression, to: Path) -> None:
        write_cache(to, iterate(part), len(part), args.d_model, compression)

    found = compare({name: partial(write, name, to) for name, to in arms.items()}, 1)
    print(f"gzip: {path.stat().st_size / plain.stat().st_size:.2f} of the size\n")
    report("writing", found, size)
    caches = {name: LayerCache([to], 0, PROTEIN_SET) for name, to in arms.items()}
    found = compare(
        {name: partial(read_cache, cache, part, np.float16) for name, cache in caches.items()}, 1
    )
    report("sequential reading", found, size)
    found = compare(
        {name: partial(shuffled, cache, args.batch, 16_384) for name, cache in caches.items()}, 1
    )
    report("shuffled batches", found, size)
    plain.unlink()


def measure_memory(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Peak memory of processes that write, and that read an epoch in random order."""
    print(f"| residues x {MEMORY_D_MODEL} | file (MB) | writing (MB) | shuffled (MB) |")
    print("|---|---|---|---|")
    peaks: dict[str, list[float]] = {"write": [], "shuffle": []}
    for n_residues in SIZES:
        path = folder / "memory.h5"
        for task, found in peaks.items():
            command = [sys.executable, "-m", "benchmarks.cache", "--buffer", str(args.buffer)]
            command += ["--batch", str(args.batch), "--child", task, str(n_residues), str(path)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.append(float(printed))
        size = path.stat().st_size / 1e6
        path.unlink()
        print(
            f"| {n_residues:,} | {size:,.0f} | "
            + " | ".join(f"{p[-1]:.0f}" for p in peaks.values())
            + " |"
        )
    print()
    return {f"memory, {task}": found[-1] / found[0] for task, found in peaks.items()}


def run_child(task: str, n_residues: int, path: str, args: argparse.Namespace) -> None:
    """Do one task and print the highest resident memory (MB).

    ru_maxrss would not do: a process inherits it from the one that started it.
    """
    if task == "write":
        block = make_rows(BLOCK_ROWS, MEMORY_D_MODEL)
        blocks = (block[: n_residues - first] for first in range(0, n_residues, BLOCK_ROWS))
        write_cache(Path(path), blocks, n_residues, MEMORY_D_MODEL)
    else:
        shuffled(LayerCache([path], 0, PROTEIN_SET), args.batch, args.buffer)
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(int(kilobytes) / 1024)


if __name__ == "__main__":
    main()
