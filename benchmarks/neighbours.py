"""What neighbours, communities and the map of a wide SAE cost: CPU time and peak memory.

Codes are synthetic: each residue has K active features, drawn from frequencies that fall off as
1 / rank, and groups of features that belong together are active at the same residues. Decoder
vectors are random around the centres of these groups. As the stage does, 200,000 residues of train
and valid and 400 proteins of test are used, however many the run has.

    python -m benchmarks.neighbours --features 100000 --proteins 10000
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.processor import machine
from protsae.config.stage_settings import NeighbourSettings
from protsae.proteins.alphabet import STANDARD
from protsae.stages.neighbouring.neighbour_rows import map_rows, nearest_by_decoder, neighbour_rows
from protsae.stages.neighbouring.related_sae import RelatedSae, Side, sides

LENGTH, GROUP = 400, 20
"""Residues of a protein on average, and features of a group."""


def draw_proteins(n_proteins: int, rng: np.random.Generator) -> pd.DataFrame:
    """A table of proteins, each of a homology cluster of its own."""
    lengths = rng.gamma(3, LENGTH / 3, n_proteins).astype(np.int64).clip(30, 2000)
    sequences = ["".join(rng.choice(list(STANDARD), length)) for length in lengths]
    names = [f"P{number:05d}" for number in range(n_proteins)]
    splits = rng.choice(["train", "valid", "test"], n_proteins, p=[0.6, 0.2, 0.2])
    columns = {"accession": names, "cluster": names, "split": splits, "length": lengths}
    return pd.DataFrame({**columns, "sequence": sequences})


def draw_codes(side: Side, n_features: int, k: int, rng: np.random.Generator) -> sparse.csr_array:
    """Half of a residue's active features come in groups, the others one by one."""
    n, n_groups = int(side.lengths.sum()), n_features // GROUP
    share = 1 / np.arange(1, n_groups + 1)
    group = rng.choice(n_groups, (n, k // 4), p=share / share.sum())
    within = group[:, :, None] * GROUP + rng.integers(0, GROUP, (n, k // 4, 2))
    alone = rng.integers(0, n_features, (n, k - 2 * (k // 4)))
    columns = np.concatenate([within.reshape(n, -1), alone], axis=1)
    rows = np.repeat(np.arange(n), columns.shape[1])
    values = rng.exponential(size=columns.size).astype(np.float32)
    found = sparse.csr_array((values, (rows, columns.ravel())), shape=(n, n_features))
    found.sum_duplicates()
    return found


def main() -> None:
    """Draw, relate, print what each part took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=int, default=100_000)
    parser.add_argument("--proteins", type=int, default=10_000)
    parser.add_argument("--d-model", type=int, default=320)
    parser.add_argument("--k", type=int, default=64)
    args = parser.parse_args()
    print(machine(), flush=True)
    rng = np.random.default_rng(0)
    chosen, test = sides(draw_proteins(args.proteins, rng), seed=0)
    centres = rng.normal(size=(args.features // GROUP + 1, args.d_model))
    group = np.arange(args.features) // GROUP
    decoder = (centres[group] + rng.normal(size=(args.features, args.d_model))).astype(np.float32)
    codes = (draw_codes(side, args.features, args.k, rng) for side in (chosen, test))
    sae = RelatedSae("synthetic", 1, "topk", decoder, *codes)
    del centres
    print(
        f"residues: {sae.chosen.shape[0]:,} and {sae.test.shape[0]:,}; before: {peak_gb():.1f} GB"
    )
    settings = NeighbourSettings()
    began = time.process_time()
    near = nearest_by_decoder(sae, settings.neighbours)
    began = said("by decoder", began)
    rows = neighbour_rows(sae, near, chosen, test, settings)
    began = said(f"all neighbours ({len(rows):,} rows)", began)
    placed = map_rows(sae, near, settings)
    said(f"communities ({placed['community'].nunique():,}) and map", began)
    print(f"in all: {time.process_time():,.0f} CPU-s, peak {peak_gb():.1f} GB")


def said(what: str, began: float) -> float:
    """Print what has been done since, and return the time now."""
    now = time.process_time()
    print(f"{what}: {now - began:,.0f} CPU-s, peak so far {peak_gb():.1f} GB", flush=True)
    return now


def peak_gb() -> float:
    """Highest resident memory of the process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
