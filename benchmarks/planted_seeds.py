"""Do frozen SAEs and other seeds tell what training has found? On layers whose atoms are known.

A world has proteins, each of a homology cluster of its own, and residues that are sparse positive
combinations of random unit atoms, with noise. Four atoms are detectors: each is active in one site
of some proteins, and the site is annotated. An SAE has more features than there are atoms. It is
trained with three seeds, and a fourth time with a frozen decoder.

- stability: how well it tells features that are an atom of the data (cosine of at least 0.9) from
  the others: AUROC, over the features that are active on test.
- frozen: at how many planted sites the trained SAE has a feature with the verdict above, against
  the frozen SAE; and in the same worlds at how many sites that are annotated at random places,
  which no activation knows of.

    python -m benchmarks.planted_seeds --worlds 20 --check
"""

import argparse
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata

from protsae import score_detectors
from protsae.config.sae_settings import TrainSettings
from protsae.detectors.encoding import encoder
from protsae.detectors.seed_stability import Residues, match_seeds
from protsae.features.recurrence import feature_stability
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Batch, Sae
from protsae.sae.training.step import SaeTraining

D_MODEL, N_ATOMS, N_SITES, N_FEATURES, K = 24, 32, 4, 64, 4
LENGTH, SITE = 40, 5
SPLITS = {"train": 60, "valid": 30, "test": 40}
"""Proteins of each part."""
ATOM_COSINE = 0.9
LEAST_AUROC = 0.95
"""What is asked of the median world."""
MOST_FALSE = 0.05
"""Share of the sites at random places with the verdict above, at most."""


@dataclass(frozen=True, eq=False)
class World:
    """Residues of all proteins, one after another.

    Attributes
    ----------
    atoms : ndarray, shape (N_ATOMS, D_MODEL)
        The first ``N_SITES`` are those of sites.
    rows : ndarray of float32, shape (n_residues, D_MODEL)
    sites, random : ndarray of bool, shape (n_residues, N_SITES)
        Where each site is, and as many residues elsewhere.
    """

    atoms: np.ndarray
    rows: np.ndarray
    sites: np.ndarray
    random: np.ndarray


def draw_world(seed: int) -> World:
    """A world; 60 % of the proteins have each site."""
    rng = np.random.default_rng(seed)
    atoms = rng.normal(size=(N_ATOMS, D_MODEL))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    n_proteins = sum(SPLITS.values())
    active = rng.random((n_proteins * LENGTH, N_ATOMS)) < 2 / (N_ATOMS - N_SITES)
    sites, random = (_sites(rng, n_proteins) for _ in range(2))
    active[:, :N_SITES] = sites
    values = active * rng.uniform(1, 2, active.shape)
    rows = values @ atoms + 0.05 * rng.normal(size=(len(active), D_MODEL))
    return World(atoms, rows.astype(np.float32), sites, random)


def _sites(rng: np.random.Generator, n_proteins: int) -> np.ndarray:
    """Where sites are: in 60 % of the proteins, anywhere."""
    found = np.zeros((n_proteins, LENGTH, N_SITES), dtype=bool)
    for site in range(N_SITES):
        for protein in np.flatnonzero(rng.random(n_proteins) < 0.6):
            start = rng.integers(LENGTH - SITE + 1)
            found[protein, start : start + SITE, site] = True
    return found.reshape(-1, N_SITES)


def proteins() -> pd.DataFrame:
    """Accession, length, cluster and split of every protein."""
    names = [f"P{number:03d}" for number in range(sum(SPLITS.values()))]
    split = np.repeat(list(SPLITS), list(SPLITS.values()))
    return pd.DataFrame({"accession": names, "length": LENGTH, "cluster": names, "split": split})


def train(world: World, steps: int, seed: int, freeze: str = "none") -> Sae:
    """A TopK SAE, trained on train."""
    settings = TrainSettings.model_validate(
        {"architecture": "topk", "width": N_FEATURES, "k": K, "steps": steps, "seed": seed}
        | {"freeze": freeze, "lr": 0.003, "dead_after": 20_000}
    )
    training = SaeTraining(build_sae(settings, D_MODEL), settings)
    rows = torch.from_numpy(world.rows[: SPLITS["train"] * LENGTH])
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        chosen = torch.randint(len(rows), (256,), generator=generator)
        training.step(Batch.of(rows[chosen]), step)
    return training.sae.eval().requires_grad_(False)


def stability(world: World, saes: dict[int, Sae]) -> pd.DataFrame:
    """`feature_stability` of the first SAE, and whether each feature is an atom."""
    table = proteins()
    first = dict(zip(table["accession"], range(0, len(world.rows), LENGTH), strict=True))
    test = table[table["split"] == "test"].reset_index(drop=True)

    def read(names: set[str], _: int):  # type: ignore[no-untyped-def]
        for name in table["accession"]:
            if name in names:
                yield [name], world.rows[first[name] : first[name] + LENGTH]

    own, *others = saes.values()
    by_seed = dict(zip(list(saes)[1:], others, strict=True))
    matches = match_seeds(own, by_seed, Residues(read, test))
    found = feature_stability(matches.assign(model="planted", layer=0, variant="topk"))
    directions = own.W_dec.double().numpy()
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return found.assign(is_atom=(directions @ world.atoms.T).max(1) >= ATOM_COSINE)


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive has the larger score; of equal ones, one half."""
    n_positive = int(positive.sum())
    ranks = rankdata(score)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(ranks / (n_positive * (len(score) - n_positive)))


def n_above(world: World, sae: Sae, frozen: Sae, labels: np.ndarray) -> int:
    """Sites at which the best feature by valid is above the best one of the frozen SAE."""
    table = proteins()
    names = table["accession"].tolist()
    codes = [dict(zip(names, np.split(encoder(s)(world.rows), len(names)), strict=True))
             for s in (sae, frozen)]  # fmt: skip
    found = score_detectors(
        codes[0],
        dict(zip(names, np.split(labels, len(names)), strict=True)),
        dict(zip(names, names, strict=True)),
        split=dict(zip(names, table["split"], strict=True)),
        baselines={"frozen SAE": codes[1]},
    )
    best = found.sort_values("valid_f1", ascending=False).drop_duplicates("concept")
    return int((best["verdict"] == "above").sum())


def measure(seed: int, steps: int) -> dict[str, float]:
    """All figures of one world."""
    world = draw_world(seed)
    saes = {s: train(world, steps, s) for s in (0, 1, 2)}
    frozen = train(world, steps, 0, "decoder")
    found = stability(world, saes)
    active = found[found["stability"].notna()]
    is_atom = active["is_atom"].to_numpy()
    known = active[active["recurs"].notna()]
    return {
        "world": seed,
        "atoms": int(is_atom.sum()),
        "others": int((~is_atom).sum()),
        "auroc": auroc(active["stability"].to_numpy(), is_atom),
        "atoms_recur": float(known.loc[known["is_atom"], "recurs"].astype(float).mean()),
        "others_recur": float(known.loc[~known["is_atom"], "recurs"].astype(float).mean()),
        "above_planted": n_above(world, saes[0], frozen, world.sites) / N_SITES,
        "above_random": n_above(world, saes[0], frozen, world.random) / N_SITES,
    }


def main() -> None:
    """Measure the worlds, print a row for each, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--check", action="store_true", help="exit 1 if too little is found")
    args = parser.parse_args()
    torch.set_num_threads(1)
    table = pd.DataFrame([measure(seed, args.steps) for seed in range(args.worlds)])
    print(table.round(3).to_string(index=False))
    mean = table.drop(columns="world").mean()
    print(mean.round(3).to_string())
    fails = mean["auroc"] < LEAST_AUROC or mean["above_random"] > MOST_FALSE
    if args.check and (fails or mean["above_planted"] < 1 - MOST_FALSE):
        sys.exit(1)


if __name__ == "__main__":
    main()
