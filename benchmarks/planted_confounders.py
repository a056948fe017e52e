"""Is a confounder taken out of a probe, and nothing gained where there is none to take out?

Proteins have activations that are sums of 80 features along random directions in 48 dimensions, and
an error that the features do not describe. Four features go with the label, four with the
confounder and strongly so, two with both; the others are noise. In train and valid label and
confounder agree in 95 % of the proteins. Three kinds of worlds:

- planted: the confounder is carried by the features that go with it;
- null: no feature goes with it, so that there is nothing to take out;
- outside: it is carried by one direction of the error, which no feature describes.

The oracle is a probe trained on as many proteins in which the two are independent.

That features gain does not show that they are the confounder's: here most features are noise, and a
probe does better without any of them, in null worlds, too. Hence the test is whether features are
ahead of features at random of the same number.

    python -m benchmarks.planted_confounders --worlds 20 --check
"""

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.interventions.confounders.removal_arms import (
    FEATURES,
    NONE,
    RANDOM,
    REMOVALS,
    REWEIGHTED,
)
from protsae.interventions.confounders.remove_confounder import remove_confounder

D_MODEL, N_FEATURES = 48, 80
LABEL, CONFOUNDER, BOTH = np.arange(4), np.arange(4, 8), np.arange(8, 10)
SIZES = {"train": 1500, "valid": 500, "test": 800}
AGREE = 0.95
WORLDS = ("planted", "null", "outside")
LEAST_FOUND, MOST_FALSE = 0.95, 0.05
NEAR_ORACLE = 0.03


@dataclass(frozen=True)
class Sample:
    """Proteins of a world."""

    x: np.ndarray
    codes: np.ndarray
    label: np.ndarray
    confounder: np.ndarray
    cluster: np.ndarray
    split: np.ndarray


class World:
    """Directions of features, and how the confounder is carried."""

    def __init__(self, seed: int, kind: str):
        self.rng, self.kind = np.random.default_rng(seed), kind
        decoder = self.rng.normal(size=(N_FEATURES, D_MODEL))
        self.decoder = decoder / np.linalg.norm(decoder, axis=1, keepdims=True)
        outside = self.rng.normal(size=D_MODEL)
        self.outside = outside / np.linalg.norm(outside)

    def sample(self, agree: dict[str, float], first_cluster: int = 0) -> Sample:
        """Proteins in which label and confounder agree in these shares, by split."""
        split = np.repeat([*SIZES], [*SIZES.values()])
        # Clusters of one to three proteins, alike in label and confounder.
        n = len(split)
        clusters: list[int] = []
        while sum(clusters) < n:
            clusters.append(int(self.rng.integers(1, 4)))
        cluster = np.repeat(np.arange(len(clusters)), clusters)[:n] + first_cluster
        names = split[np.unique(cluster, return_index=True)[1]]
        of_cluster = np.unique(cluster, return_inverse=True)[1]
        split = names[of_cluster]  # a cluster is in the split of its first protein
        label = self.rng.random(len(names)) < 0.5
        same = self.rng.random(len(names)) < np.array([agree[name] for name in names])
        label, confounder = label[of_cluster], np.where(same, label, ~label)[of_cluster]
        codes = self.rng.exponential(size=(n, N_FEATURES)) * (
            self.rng.random((n, N_FEATURES)) < 0.3
        )
        codes[:, LABEL] += self._carried(label, LABEL, 0.8)
        if self.kind == "planted":
            codes[:, CONFOUNDER] += self._carried(confounder, CONFOUNDER, 1.6)
            codes[:, BOTH] += self._carried(label, BOTH, 0.8) + self._carried(confounder, BOTH, 0.8)
        x = codes @ self.decoder + 0.3 * self.rng.normal(size=(n, D_MODEL))
        if self.kind == "outside":
            x += 2.5 * confounder[:, None] * self.outside
        return Sample(x, codes, label, confounder, cluster, split)

    def _carried(self, yes: np.ndarray, features: np.ndarray, size: float) -> np.ndarray:
        drawn: np.ndarray = size * self.rng.exponential(size=(len(yes), len(features)))
        return drawn * yes[:, None]


def run_world(seed: int, kind: str) -> pd.DataFrame:
    """Chosen rows of all arms, and of the oracle, with the features removed."""
    world = World(seed, kind)
    one = world.sample({"train": AGREE, "valid": AGREE, "test": 0.5})
    free = world.sample({"train": 0.5, "valid": 0.5, "test": 0.5}, first_cluster=10_000)
    found = remove_confounder(
        one.x,
        one.codes,
        world.decoder,
        one.label,
        one.confounder,
        one.cluster,
        one.split,
        draws=3,
        resamplings=400,
        seed=seed,
    )
    is_test = one.split == "test"
    kept = free.split != "test"
    label, confounder, cluster, split = (
        np.concatenate([getattr(free, name)[kept], getattr(one, name)[is_test]])
        for name in ("label", "confounder", "cluster", "split")
    )
    x = np.concatenate([free.x[kept], one.x[is_test]])
    codes = np.concatenate([free.codes[kept], one.codes[is_test]])
    oracle = remove_confounder(
        x, codes, world.decoder, label, confounder, cluster, split, counts=(), resamplings=1
    )
    rows = found.table[found.table["is_chosen"]].assign(world=kind, seed=seed)
    removed = set(found.features["kept"])
    first = oracle.table.iloc[0]
    return rows.assign(
        oracle=first["accuracy"],
        oracle_auroc=first["auroc"],
        n_confounder=len(removed & set(CONFOUNDER.tolist())),
        n_both=len(removed & set(BOTH.tolist())),
        n_label=len(removed & set(LABEL.tolist())),
        n_others=len(removed - set(range(10))),
    )


def show(rows: pd.DataFrame) -> None:
    """Means over worlds by arm; how often AUROC gains, and features are ahead of the arm."""
    rows = rows.assign(above=rows["auroc_gain_low"] > 0, ahead=rows["features_ahead_low"] > 0)
    names = ["n_removed", "accuracy", "worst_cell", "auroc", "oracle_auroc", "confounder_auroc"]
    print("| " + " | ".join(["world", "arm", "probe", *names, "gains", "features ahead"]) + " |")
    print("|---" * (5 + len(names)) + "|")
    for kind in WORLDS:
        for arm in (NONE, REWEIGHTED, *REMOVALS):
            for probe, own in rows[(rows["world"] == kind) & (rows["arm"] == arm)].groupby("probe"):
                means = [f"{own[name].mean():.3f}" for name in names]
                cells = [kind, arm, str(probe), *means]
                cells += [f"{own[name].mean():.2f}" for name in ("above", "ahead")]
                print("| " + " | ".join(cells) + " |")


def failures(rows: pd.DataFrame) -> list[str]:
    """What does not hold."""
    own = rows[(rows["arm"] == FEATURES) & (rows["probe"] == "kept")]
    planted, null = (own[own["world"] == kind] for kind in ("planted", "null"))
    beside = rows[(rows["arm"] == RANDOM) & (rows["probe"] == "kept")]
    ahead = beside.assign(ahead=beside["features_ahead_low"] > 0).groupby("world")["ahead"].mean()
    # Features of both tell of the label, too: whether to remove them is for valid to say.
    found = planted["n_confounder"].sum() / len(CONFOUNDER) / len(planted)
    n_null = len(null)
    allowed = MOST_FALSE + 2 * (MOST_FALSE * (1 - MOST_FALSE) / n_null) ** 0.5
    print(
        f"of features of both {planted['n_both'].mean():.2f} of {len(BOTH)} are removed, of others "
        f"{planted['n_others'].mean():.2f}"
    )
    checks = {
        f"features of the confounder removed: {found:.3f}": found >= LEAST_FOUND,
        f"features of the label removed: {planted['n_label'].sum()}": not planted["n_label"].any(),
        f"accuracy less the oracle's: {(planted['accuracy'] - planted['oracle']).mean():+.3f}": (
            (planted["oracle"] - planted["accuracy"]).mean() <= NEAR_ORACLE
        ),
        f"planted worlds with features ahead of random ones: {ahead['planted']:.2f}": (
            ahead["planted"] >= LEAST_FOUND
        ),
        f"null worlds with features ahead of random ones: {ahead['null']:.3f} (at most "
        f"{allowed:.3f})": ahead["null"] <= allowed,
    }
    for line, holds in checks.items():
        print(("holds: " if holds else "FAILS: ") + line)
    return [line for line, holds in checks.items() if not holds]


def main() -> None:
    """Run the worlds and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=20, help="of each kind")
    parser.add_argument("--check", action="store_true", help="fail unless the numbers hold")
    args = parser.parse_args()
    rows = pd.concat([run_world(n, kind) for kind in WORLDS for n in range(args.worlds)])
    show(rows)
    if failures(rows) and args.check:
        raise SystemExit("the numbers do not hold")


if __name__ == "__main__":
    main()
