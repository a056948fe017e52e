"""Speed and memory of annotation: counting all pairs, then the null and the ranks of some.

Counts are of residues and of instances, at 5 thresholds, for every concept and feature, all
residues in one update; each case runs in a process of its own. Inputs are random: proteins of 300
residues, 1 / 51 of the features active at each residue; of the concepts 70 % are one stretch of
20 to 120 residues in 15 % of the proteins, and 30 % are single residues, 0.1 to 5 % of all. The
same sizes took InterPLM's released code 66, 249, 182 and 215 CPU-s (research note, section 4.1).

The null and the ranks are of 20,000 pairs of these concepts and features on 2,000 proteins.

    python -m benchmarks.annotation --check
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
from scipy import sparse
from threadpoolctl import threadpool_limits

from protsae.association.scoring.instance_counts import InstanceCounts
from protsae.association.scoring.rank_scores import rank_scores
from protsae.association.scoring.residue_counts import MatchCounts
from protsae.association.scoring.thresholds import passed_thresholds, positive_quantiles
from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.position_null import position_null
from protsae.association.significance.rotation_null import rotation_null
from protsae.statistics import ragged

CASES = {
    "60k residues, 2,560 features, 100 concepts": (60_000, 2_560, 100, 3.0),
    "60k residues, 2,560 features, 400 concepts": (60_000, 2_560, 400, 6.0),
    "240k residues, 2,560 features, 100 concepts": (240_000, 2_560, 100, 10.0),
    "60k residues, 10,240 features, 100 concepts": (60_000, 10_240, 100, 10.0),
}
"""Residues, features, concepts, most CPU seconds."""

MEGABYTES = 300.0
"""Most over the inputs, in the first case."""

PAIR_SECONDS = 240.0
"""Most CPU seconds for both nulls of all chosen pairs; until there were two, it was 120 for one."""

QUANTILES = (0.0, 0.15, 0.5, 0.6, 0.8)
LENGTH, ACTIVE, N_PAIRS = 300, 51, 20_000
SOME = (600_000, 2_560, 100)
"""Residues, features and concepts of the chosen pairs."""

Inputs = dict[str, np.ndarray]


def main() -> None:
    """Measure, print, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--n-pairs", type=int, default=N_PAIRS, help="of nulls and ranks")
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure falls short")
    parser.add_argument("--make", nargs=4, metavar=("N", "F", "P", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--count", help=argparse.SUPPRESS)
    parser.add_argument("--pairs", help=argparse.SUPPRESS)
    args = parser.parse_args()
    threadpool_limits(1)
    if args.make:
        *sizes, path = args.make
        np.savez(path, allow_pickle=False, **make(*map(int, sizes)))
    elif args.count:
        count(args.count)
    elif args.pairs:
        score_pairs(args.pairs, args.n_pairs)
    else:
        short, figures = measure(args.repetitions, args.n_pairs)
        print(", ".join(figures))
        if args.check and short:
            sys.exit(f"falls short: {', '.join(short)}")


def measure(repetitions: int, n_pairs: int) -> tuple[list[str], list[str]]:
    """Print the tables; what falls short, and all figures."""
    # It needs torch, whose memory the processes measured would inherit from this one.
    head = [sys.executable, "-m", "benchmarks.processor"]
    machine = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    print(f"{machine}, numpy {np.__version__}, one thread\n")
    print("| case | residue counts, CPU s | with instances | limit | MB over inputs |")
    print("|---|---|---|---|---|")
    short, figures = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "inputs.npz")
        for number, (name, (*sizes, limit)) in enumerate(CASES.items()):
            rerun("--make", *map(str, sizes), path)
            runs = [rerun("--count", path) for _ in range(repetitions)]
            residues, both, memory = (statistics.median(each) for each in zip(*runs, strict=True))
            print(f"| {name} | {residues:.2f} | {both:.2f} | {limit:g} | {memory:.0f} |")
            figures.append(f"{both:.2f} s {memory:.0f} MB")
            if both > limit:
                short.append(f"{name}: {both:.2f} s")
            if memory > MEGABYTES and number == 0:
                short.append(f"{name}: {memory:.0f} MB")
        rerun("--make", *map(str, SOME), path)
        null, ranks = rerun("--pairs", path, "--n-pairs", str(n_pairs))
    print(f"\n{n_pairs:,} pairs on {SOME[0] // LENGTH} proteins, CPU s:")
    print(
        f"both nulls {null:.1f} (limit {PAIR_SECONDS:g} of {N_PAIRS:,}), AP and AUROC {ranks:.1f}\n"
    )
    if null > PAIR_SECONDS:
        short.append(f"both nulls: {null:.1f} s")
    return short, [*figures, f"both nulls {null:.1f} s", f"ranks {ranks:.1f} s"]


def rerun(*arguments: str) -> list[float]:
    """This file in a process of its own: the numbers that it prints."""
    command = [sys.executable, "-m", "benchmarks.annotation", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def make(n_residues: int, n_features: int, n_concepts: int) -> Inputs:
    """Arrays of activations and labels (both csr), thresholds and instances."""
    rng = np.random.default_rng(0)
    active = n_features // ACTIVE
    column = rng.integers(0, n_features, (n_residues, active), dtype=np.int32)
    values = rng.exponential(size=column.size).astype(np.float32)
    activations = sparse.csr_array(
        (values, column.ravel(), np.arange(0, column.size + 1, active, dtype=np.int32)),
        shape=(n_residues, n_features),
    )
    activations.sum_duplicates()
    found = [
        stretches(rng, n_residues) if p < 0.7 * n_concepts else single_residues(rng, n_residues)
        for p in range(n_concepts)
    ]
    concept = np.repeat(np.arange(n_concepts), [len(begin) for begin, _ in found])
    begin, end = (np.concatenate(ends) for ends in zip(*found, strict=True))
    size = end - begin
    rows = ragged.ranges(begin, size)
    labels = sparse.csr_array(
        (np.ones(len(rows), np.uint8), (rows, np.repeat(concept, size))),
        shape=(n_residues, n_concepts),
    )
    return {
        "shape": np.array([n_residues, n_features, n_concepts]),
        "thresholds": positive_quantiles(sparse.csc_array(activations), QUANTILES),
        **{f"activations_{part}": getattr(activations, part) for part in PARTS},
        **{f"labels_{part}": getattr(labels, part) for part in PARTS},
        "concept": concept,
        "begin": begin,
        "end": end,
    }


PARTS = ("data", "indices", "indptr")


def stretches(rng: np.random.Generator, n_residues: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows [begin, end) of one segment in 15 % of the proteins."""
    protein = np.flatnonzero(rng.random(n_residues // LENGTH) < 0.15)
    size = rng.integers(20, 121, len(protein))
    first = protein * LENGTH + rng.integers(0, LENGTH - size)
    return first, first + size


def single_residues(rng: np.random.Generator, n_residues: int) -> tuple[np.ndarray, np.ndarray]:
    """Residues of a concept of 0.1 to 5 % of all, each an instance."""
    rows = np.flatnonzero(rng.random(n_residues) < rng.uniform(0.001, 0.05))
    return rows, rows + 1


def load(path: str) -> tuple[Inputs, sparse.csr_array, sparse.csr_array]:
    """The arrays of a case, its activations and its labels."""
    with np.load(path) as arrays:
        inputs = dict(arrays)
    n_residues, n_features, n_concepts = inputs["shape"].tolist()
    activations, labels = (
        sparse.csr_array(
            tuple(inputs[f"{name}_{part}"] for part in PARTS), shape=(n_residues, columns)
        )
        for name, columns in (("activations", n_features), ("labels", n_concepts))
    )
    return inputs, activations, labels


def count(path: str) -> None:
    """Print CPU seconds of residues, of residues and instances, and MB over the inputs."""
    inputs, activations, labels = load(path)
    thresholds, n_concepts = inputs["thresholds"], labels.shape[1]
    before = psutil.Process().memory_info().rss
    start = time.process_time()
    residues = MatchCounts(thresholds, n_concepts)
    passed = passed_thresholds(activations, thresholds)
    residues.update_passed(passed, labels)
    assert residues.true_positives.any()
    alone = time.process_time() - start
    instances = InstanceCounts(thresholds, n_concepts)
    instances.update_passed(passed, inputs["concept"], inputs["begin"], inputs["end"])
    assert instances.found.any()
    both = time.process_time() - start
    # Linux gives kilobytes, macOS bytes. The inputs were read by this process and made by another.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(alone, both, (peak - before) / 1e6)


def score_pairs(path: str, n_pairs: int) -> None:
    """Print CPU seconds of both nulls, and of average precision and AUROC."""
    inputs, by_row, labels_by_row = load(path)
    activations, labels = sparse.csc_array(by_row), sparse.csc_array(labels_by_row)
    lengths = np.full(activations.shape[0] // LENGTH, LENGTH)
    rng = np.random.default_rng(1)
    chosen = rng.choice(activations.shape[1], n_pairs // labels.shape[1], replace=False)
    pairs = np.stack([g.ravel() for g in np.indices((len(chosen), labels.shape[1]))], axis=1)

    def nulls() -> object:
        median = inputs["thresholds"][QUANTILES.index(0.5)]
        on = [column(activations, f, median[f]) for f in chosen]
        has = [column(labels, p, 0) for p in range(labels.shape[1])]
        chains = Chains(lengths, np.arange(len(lengths)), np.ones(int(lengths.sum()), bool))
        return [null(on, has, pairs, chains) for null in (rotation_null, position_null)]

    print(
        seconds(nulls),
        seconds(
            lambda: rank_scores(
                *(activations, labels, chosen[pairs[:, 0]], pairs[:, 1]),
                np.repeat(np.arange(len(lengths)), lengths),
            )
        ),
    )


def column(matrix: sparse.csc_array, number: int, threshold: float) -> np.ndarray:
    """Rows above a threshold."""
    part = slice(matrix.indptr[number], matrix.indptr[number + 1])
    return np.sort(matrix.indices[part][matrix.data[part] > threshold])


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    main()
