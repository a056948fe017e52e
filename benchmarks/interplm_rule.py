"""What InterPLM's rule calls where the answer was planted, beside the rotation null.

20 families x 20 proteins x 300 residues, 400 features, 40 concepts, two in each family: one
window at a random place of every protein. 20 features detect one concept each (85 % of its
residues); the others know a family but not the place: on in windows of their own. All are also on
at 0.1 % of all residues. Proteins are split at random, so that every family is in train, valid and
test: the confounded case, which a split by families would hide. Two worlds: short windows of 10 to
40 residues, and long ones of 10 to 200, where what knows only the family overlaps much. Windows lie
anywhere, so that each protein is its own cluster here; for relatives that share places, and what
else real proteins have, see benchmarks/planted_annotation.py.

Thresholds are quantiles on train, each pair's is chosen on valid, candidates have a valid F1 of at
least 0.1 and above that of always on, and are called on test where the rotation null's q-value
(Benjamini-Hochberg over all candidates) is at most 5 %. Beside it InterPLM's rule, a
domain-adjusted F1 above 0.5 on valid and on test, each at its best threshold of 0, 0.15, 0.5, 0.6
and 0.8 of the feature's maximum, as it is, with the threshold that is best on valid kept on test,
and with recall by residue. "At least" is `least_true` of the pairs called: how many of them
are right, with 95 % confidence, and in how many worlds fewer are.

    python -m benchmarks.interplm_rule
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

from benchmarks.processor import machine
from protsae.association.pairs.selection import score_pairs
from protsae.association.scoring.instance_counts import InstanceCounts
from protsae.association.scoring.metrics import harmonic_mean, ratio
from protsae.association.scoring.residue_counts import KnownCounts, MatchCounts
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.rotation_null import rotation_null
from protsae.statistics.multiple_testing import benjamini_hochberg, least_true

N_FAMILIES, N_RELATIVES, LENGTH = 20, 20, 300
N_FEATURES, N_CONCEPTS, N_DETECTORS = 400, 40, 20
MISSED, FALSE = 0.15, 0.001
WORLDS = {"short windows": (10, 40), "long windows": (10, 200)}
PARTS = {"train": 160, "valid": 120, "test": 120}
"""Proteins in each."""

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9)
MIN_F1, LEVEL = 0.1, 0.05
INTERPLM_LEVELS, INTERPLM_F1 = (0.0, 0.15, 0.5, 0.6, 0.8), 0.5
RULES = (
    *("rotation null, q <= 5 %", "InterPLM's rule"),
    *("its thresholds from valid", "its recall by residue"),
)


def main() -> None:
    """Print the rules beside each other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="worlds with planted detectors")
    parser.add_argument("--empty", type=int, default=100, help="worlds without")
    args = parser.parse_args()
    threadpool_limits(1)
    start = time.process_time()
    print(machine(), end="\n\n")
    print(
        "| world | rule | false among calls | found | calls | at least | fewer are right | "
        "nothing planted: any call |"
    )
    print("|---" * 8 + "|")
    for world, sizes in WORLDS.items():
        planted = [call(make_world(seed, N_DETECTORS, sizes)) for seed in range(args.seeds)]
        empty = [call(make_world(1000 + seed, 0, sizes)) for seed in range(args.empty)]
        for number, rule in enumerate(RULES):
            calls, right, least = np.array([run[number] for run in planted]).T
            false = float(ratio(calls - right, calls).mean())
            found = float(right.mean() / N_DETECTORS)
            n_any = sum(run[number][0] > 0 for run in empty)
            bounds = binomtest(n_any, args.empty).proportion_ci()
            print(
                f"| {world} | {rule} | {false:.3f} | {found:.3f} | {calls.mean():.1f} | "
                f"{least.mean():.1f} | {(least > right).sum()} of {args.seeds} | "
                f"{n_any} of {args.empty} ({bounds.low:.3f} to {bounds.high:.3f}) |"
            )
    print(f"\n{time.process_time() - start:.0f} CPU s")


@dataclass(frozen=True, eq=False)
class World:
    """Residues of all proteins; the pairs that were planted; the proteins of each part.

    Attributes
    ----------
    first, size : int, shape (n_concepts, n_relatives)
        First row and length of the window of each concept in each protein of its family.
    """

    activations: sparse.csr_array
    labels: sparse.csr_array
    first: np.ndarray
    size: np.ndarray
    planted: np.ndarray
    parts: dict[str, np.ndarray]


def make_world(seed: int, n_detectors: int, sizes: tuple[int, int]) -> World:
    """Draw one; without detectors, all features know only a family."""
    rng = np.random.default_rng(seed)
    n_residues = N_FAMILIES * N_RELATIVES * LENGTH
    first, size = np.empty((2, N_CONCEPTS, N_RELATIVES), dtype=np.int64)
    for p in range(N_CONCEPTS):
        first[p], size[p] = windows(p // 2, sizes, rng)
    detected = rng.permutation(N_CONCEPTS)[:n_detectors]
    rows, values = [], []
    for f in range(N_FEATURES):
        window = (
            (first[detected[f]], size[detected[f]])
            if f < n_detectors
            else windows(int(rng.integers(N_FAMILIES)), sizes, rng)
        )
        inside = stretch_rows(*window)
        inside = inside[rng.random(len(inside)) >= MISSED]
        anywhere = rng.choice(n_residues, rng.binomial(n_residues, FALSE), replace=False)
        rows.append(np.concatenate([inside, anywhere]))
        strength = np.repeat([1.0, 0.5], [len(inside), len(anywhere)])
        values.append(rng.gamma(4, strength / 4))
    concept = np.repeat(np.arange(N_CONCEPTS), size.sum(1))
    planted = np.zeros((N_CONCEPTS, N_FEATURES), dtype=bool)
    planted[detected, np.arange(n_detectors)] = True
    order = rng.permutation(N_FAMILIES * N_RELATIVES)
    ends = np.cumsum(list(PARTS.values()))
    return World(
        sparse_columns(rows, np.concatenate(values).astype(np.float32), n_residues),
        sparse.csr_array(
            (np.ones(len(concept), np.uint8), (stretch_rows(first, size), concept)),
            shape=(n_residues, N_CONCEPTS),
        ),
        first,
        size,
        planted,
        {p: np.sort(part) for p, part in zip(PARTS, np.split(order, ends[:-1]), strict=True)},
    )


def windows(
    family: int, sizes: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """First rows and lengths of one window in each protein of a family, of about one length."""
    size = (rng.uniform(*sizes) * rng.uniform(0.8, 1.2, N_RELATIVES)).astype(np.int64)
    protein = family * N_RELATIVES + np.arange(N_RELATIVES)
    return protein * LENGTH + rng.integers(0, LENGTH - size + 1), size


def stretch_rows(first: np.ndarray, size: np.ndarray) -> np.ndarray:
    """All rows of the windows."""
    return np.concatenate(
        [np.arange(a, a + n) for a, n in zip(first.ravel(), size.ravel(), strict=True)]
    )


def sparse_columns(rows: list[np.ndarray], values: np.ndarray, n_rows: int) -> sparse.csr_array:
    """Columns from their rows; of two activations in one place, the sum."""
    column = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    return sparse.csr_array((values, (np.concatenate(rows), column)), shape=(n_rows, len(rows)))


def call(world: World) -> list[tuple[int, int, int]]:
    """Pairs called by each rule; how many of them were planted, and `least_true` of them.

    InterPLM's rules have no p-values, and so nothing that they can be sure of.
    """
    train = sparse.csc_array(world.activations[part_rows(world, "train")])
    thresholds = positive_quantiles(train, QUANTILES)
    everywhere = np.zeros(N_CONCEPTS, dtype=np.int64)
    counts = KnownCounts(thresholds, everywhere)
    rows = part_rows(world, "valid")
    counts.update(world.activations[rows], world.labels[rows], np.ones((len(rows), 1), dtype=bool))
    scores = score_pairs(counts)
    candidate = (scores.f1 >= MIN_F1) & (scores.gain > 0)
    concept, feature = np.nonzero(candidate)
    chosen = thresholds[scores.threshold[candidate], feature]
    p_value = null_p_values(world, concept, feature, chosen)
    called = benjamini_hochberg(p_value) <= LEVEL
    right = world.planted[concept[called], feature[called]]
    found = [(int(called.sum()), int(right.sum()), least_true(p_value, called))]
    for calls in called_by_interplm(world):
        found.append((int(calls.sum()), int((calls & world.planted).sum()), 0))
    return found


def part_rows(world: World, part: str) -> np.ndarray:
    """Rows of the proteins of a part."""
    return (world.parts[part][:, None] * LENGTH + np.arange(LENGTH)).ravel()


def null_p_values(
    world: World, concept: np.ndarray, feature: np.ndarray, threshold: np.ndarray
) -> np.ndarray:
    """p-values of the rotation null on test, every protein by itself."""
    rows = part_rows(world, "test")
    activations, labels = (sparse.csc_array(x[rows]) for x in (world.activations, world.labels))
    on = [
        np.flatnonzero(activations[:, [f]].toarray().ravel() > t)
        for f, t in zip(feature, threshold, strict=True)
    ]
    has = [np.flatnonzero(labels[:, [p]].toarray().ravel()) for p in range(N_CONCEPTS)]
    pairs = np.stack([np.arange(len(on)), concept], axis=1)
    number = np.arange(PARTS["test"])
    chains = Chains(np.full(len(number), LENGTH), number, np.ones(len(rows), dtype=bool))
    return rotation_null(on, has, pairs, chains).p_value


def called_by_interplm(world: World) -> list[np.ndarray]:
    """Pairs with an F1 above ``INTERPLM_F1`` on valid and on test, by each rule of InterPLM's."""
    largest = world.activations.max(axis=0).toarray().ravel()
    thresholds = np.outer(INTERPLM_LEVELS, largest).astype(np.float32)
    by_instance, by_residue = [], []
    for part in ("valid", "test"):
        rows = part_rows(world, part)
        residues = MatchCounts(thresholds, N_CONCEPTS)
        residues.update(world.activations[rows], world.labels[rows])
        # Instances of this part's proteins, by their rows in the whole world.
        protein = world.first // LENGTH
        mine = np.isin(protein, world.parts[part])
        concept = np.nonzero(mine)[0]
        instances = InstanceCounts(thresholds, N_CONCEPTS)
        end = world.first + world.size
        instances.update(world.activations, concept, world.first[mine], end[mine])
        precision = ratio(residues.true_positives, residues.on[:, None, :])
        recall = ratio(instances.found, instances.n_instances[:, None])
        by_instance.append(harmonic_mean(precision, recall))
        recall = ratio(residues.true_positives, residues.positives[:, None])
        by_residue.append(harmonic_mean(precision, recall))
    valid, test = by_instance
    kept = np.take_along_axis(test, valid.argmax(0)[None], axis=0)
    return [
        (on_valid.max(0) > INTERPLM_F1) & (on_test.max(0) > INTERPLM_F1)
        for on_valid, on_test in ((valid, test), (valid, kept), by_residue)
    ]


if __name__ == "__main__":
    main()
