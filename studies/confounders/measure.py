"""Is a confounder taken out of probes of real proteins by ablating features? Beside other ways.

For each pair of a label and a confounder, train and valid are samples of the run's proteins in
which the two agree in 90 %, half of them with the label. Test is all test proteins, with equal
weight of the four combinations. The oracle is a probe of as many train proteins in which all four
are equally common; the composition probe has nothing but the shares of the 20 amino acids. Pairs,
share and numbers were fixed before the first run. Each sample is drawn several times; what is
printed are means over the draws, of estimates and of the ends of their intervals.

    python -m studies.confounders.measure results annotated.jsonl.gz --saes 3/topk 5/topk
"""

import argparse
import gzip
import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from protsae.interventions.confounders.balanced_scores import cells
from protsae.interventions.confounders.remove_confounder import SPLITS, remove_confounder
from protsae.interventions.confounders.scored_rows import ARMS, NONE, REWEIGHTED
from protsae.proteins.composition import composition
from protsae.stages.deconfounding.deconfound_run import PooledLayer, sae_name
from protsae.stages.run_object.open_run import Run, read_run

PAIRS = (
    ("TRANSMEM", "yeast"),
    ("SIGNAL", "yeast"),
    ("ACT_SITE", "yeast"),
    ("TRANSMEM", "length"),
    ("SIGNAL", "length"),
    ("ACT_SITE", "length"),
    ("ACT_SITE", "composition"),
)
"""Label and confounder."""

YEAST, BACILLUS = "559292", "224308"
"""Taxa: S. cerevisiae S288c, and B. subtilis 168, which has the others of the two."""

AGREE = 0.9
ORACLE, COMPOSITION = "oracle", "composition alone"
SHOWN = ("accuracy", "worst_cell", "auroc", "confounder_auroc", "auroc_gain", "features_ahead")


def is_yeast(path: str, accessions: Sequence[str]) -> np.ndarray:
    """1 for a protein of yeast, 0 of B. subtilis, NaN of any other: float64, (n_proteins,)."""
    with gzip.open(path, "rt") as lines:
        taxa = {record["accession"]: record["taxon_id"] for record in map(json.loads, lines)}
    values = {YEAST: 1.0, BACILLUS: 0.0}
    return np.array([values.get(taxa.get(name, ""), np.nan) for name in accessions])


def sampled(cell: np.ndarray, agree: float, rng: np.random.Generator, most: int) -> np.ndarray:
    """Proteins such that label and confounder agree in a share of them, and half have the label.

    Parameters
    ----------
    cell : ndarray of int, shape (n_proteins,)
        2 x label + confounder.
    most : int
        Proteins drawn, fewer where a cell has too few.

    Returns
    -------
    ndarray of int64
        Indices.
    """
    share = np.array([agree, 1 - agree, 1 - agree, agree]) / 2
    n = min(most, *(int(np.sum(cell == c) / share[c]) for c in range(4)))
    drawn = [rng.choice(np.flatnonzero(cell == c), round(n * share[c]), False) for c in range(4)]
    return np.sort(np.concatenate(drawn))


def chosen_proteins(
    cell: np.ndarray, split: np.ndarray, agree: float, rng: np.random.Generator
) -> np.ndarray:
    """Samples of train and valid, and all of test; as many whatever the share."""
    found = [np.flatnonzero(split == "test")]
    for name in ("train", "valid"):
        own = np.flatnonzero(split == name)
        draw = np.random.default_rng(0)
        most = min(len(sampled(cell[own], a, draw, len(own))) for a in (AGREE, 0.5))
        found.append(own[sampled(cell[own], agree, rng, most)])
    return np.sort(np.concatenate(found))


def compared(
    run: Run, layer: PooledLayer, label: np.ndarray, confounder: np.ndarray, seed: int
) -> pd.DataFrame:
    """Chosen rows of all arms, of the oracle and of the composition probe.

    Parameters
    ----------
    label, confounder : ndarray, shape (n_proteins,)
        1, 0, or NaN for proteins to leave out.
    """
    table, rng = run.proteins, np.random.default_rng(seed)
    known = np.isfinite(label) & np.isfinite(confounder)
    label, confounder = label > 0, confounder > 0
    # Proteins to leave out are of no split.
    split = np.where(known, table["split"].to_numpy(str), "")
    cell = cells(label, confounder)
    shares = composition(table["sequence"])
    parts = []
    for name, agree in ((NONE, AGREE), (ORACLE, 0.5), (COMPOSITION, AGREE)):
        own = chosen_proteins(cell, split, agree, rng)
        of_layer = name != COMPOSITION
        x, f = (layer.x_ND, layer.f_NF) if of_layer else (shares, shares)
        found = remove_confounder(
            x[own],
            f[own],
            layer.decoder_FD if of_layer else np.eye(shares.shape[1]),
            label[own],
            confounder[own],
            table["cluster"].to_numpy()[own],
            split[own],
            rate=layer.rate_F if of_layer else None,
            counts=(1, 2, 4, 8, 16, 32, 64) if name == NONE else (),
            draws=3,
            seed=seed,
        )
        rows = found.table[found.table["is_chosen"]]
        if name != NONE:
            rows = rows[rows["arm"].isin([NONE, REWEIGHTED][: 1 if name == ORACLE else 2])]
            reweighted = rows["arm"] == REWEIGHTED
            rows = rows.assign(arm=np.where(reweighted, f"{name}, {REWEIGHTED}", name))
        sizes = {f"n_{part}": int((split[own] == part).sum()) for part in SPLITS}
        parts.append(rows.assign(seed=seed, **sizes))
    return pd.concat(parts, ignore_index=True)


def show(rows: pd.DataFrame) -> None:
    """A table of means over draws."""
    print("| arm | probe | removed | variance | " + " | ".join(SHOWN) + " |")
    print("|---" * (4 + len(SHOWN)) + "|")
    order = [*ARMS, ORACLE, COMPOSITION, f"{COMPOSITION}, {REWEIGHTED}"]
    for arm in order:
        for probe, own in rows[rows["arm"] == arm].groupby("probe"):
            mean = own.mean(numeric_only=True)
            texts = [f"{mean['n_removed']:.0f}", f"{mean['variance_removed']:.2f}"]
            for name in SHOWN:
                low, high = mean[f"{name}_low"], mean[f"{name}_high"]
                form = "+.3f" if name.endswith(("gain", "ahead")) else ".3f"
                interval = "" if np.isnan(low) else f" [{low:{form}}, {high:{form}}]"
                texts.append(f"{mean[name]:{form}}{interval}")
            print(f"| {arm} | {probe} | " + " | ".join(texts) + " |")


def main(argv: Sequence[str] | None = None) -> None:
    """Compare and print, pair by pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("annotated", help="its proteins, with their taxa")
    parser.add_argument("--saes", nargs="+", default=["5/topk"], metavar="LAYER/SAE")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--pairs", nargs="+", type=int, default=range(len(PAIRS)), help="numbers")
    parser.add_argument("--output", help="Parquet file of all rows")
    args = parser.parse_args(argv)
    run, every = read_run(args.results), []
    yeast = is_yeast(args.annotated, run.proteins["accession"].tolist())
    for sae in args.saes:
        layer = run.pooled_layer(*sae_name(sae))
        for label, confounder in (PAIRS[i] for i in args.pairs):
            target, other = (
                yeast if text == "yeast" else run.protein_label(text).values
                for text in (label, confounder)
            )
            drawn = [compared(run, layer, target, other, seed) for seed in range(args.draws)]
            rows = pd.concat(drawn).assign(sae=sae, label=label, confounder=confounder)
            first = rows.iloc[0]
            print(
                f"\n{sae}: {label} against {confounder}, {first['n_train']:,} of train, "
                f"{first['n_valid']:,} of valid, {first['n_test']:,} of test\n"
            )
            show(rows)
            every.append(rows)
            if args.output:
                pd.concat(every).to_parquet(args.output)


if __name__ == "__main__":
    main()
