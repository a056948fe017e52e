"""What the features of a run detect, beside every baseline: figures and tables of docs/findings.md.

Of every set of detectors (SAE features, coordinates, principal components, a random dictionary,
neurons, frozen SAEs, the same on one-hot sequences and on the permuted model) and every concept,
the detector with the highest F1 on valid is taken, and its F1 on test shown with its 95 % interval
over homology clusters. One-hot and the permuted model are one set each: the best of all their
layers and kinds of detectors, so that these baselines choose among more than a layer's SAE does.
The best rule on the sequence is another. ``studies/findings/comparison.py`` says how verdicts are
reached.

With --second-population, the detectors are also held against proteins of another source
(studies.second_population.measure), and each finding is shown with its score on them.

    python -m studies.findings.write_page results docs/findings \\
      --second-population residue_labels.jsonl.gz
"""

import argparse
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.association.baseline_comparison import RULE, ConceptCounts
from protsae.association.joined_baselines import best_per_concept
from protsae.association.run_tables import is_above, is_captured
from protsae.association.scoring.metrics import always_on_f1
from protsae.config.reserved_names import DETECTORS, ONEHOT, is_permuted
from protsae.config.settings import read_config
from protsae.errors import UserError
from protsae.io.table_files.parquet import write_tsv
from studies.findings import figures
from studies.findings.comparison import compare, headline
from studies.findings.markdown import markdown
from studies.findings.tables import (
    ALL_LAYERS,
    HOMOLOGUE,
    ONEHOT_PROBE,
    PERMUTED,
    PERMUTED_PROBE,
    PROBE,
    WINDOW,
    against_probes,
    over_layers,
    pool_reliability,
    set_names,
)
from studies.second_population.measure import FILE, second_population


def main() -> None:
    """Read a finished run, write figures and tables, print what the page needs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--variant", default="topk", help="the SAE of the run that is shown")
    parser.add_argument(
        "--second-population",
        type=Path,
        metavar="FILE",
        help="labels of other proteins (studies.second_population): claimed against found",
    )
    args = parser.parse_args()
    if not (args.results / "associations.parquet").is_file():
        sys.exit(f"{args.results}: no finished run; expected associations.parquet")
    args.output.mkdir(parents=True, exist_ok=True)
    tables = find(args.results, args.variant)
    for name, table in tables.items():
        if name != "best":
            path = args.output / f"{name}.tsv"
            table.to_csv(path, sep="\t", index=False, float_format="%.4g")
    figures.draw_captured(tables["detectors"], args.output / "captured.png")
    figures.draw_concepts(tables["best"], args.output / "concepts.png")
    figures.draw_layers(tables["best"], args.output / "layers.png")
    figures.draw_probes(tables["probes"], args.output / "probes.png")
    features = pd.read_parquet(args.results / "features.parquet")
    features = features[features["variant"] == args.variant]
    figures.draw_kinds(features, args.output / "kinds.png")
    other = args.output / FILE
    try:
        if args.second_population:
            write_tsv(other, second_population(args.results, args.second_population, args.variant))
        elif other.is_file():
            print(f"{other} is from an earlier run; pass --second-population to make it again")
        print("\n".join(markdown(args.output)))
    except UserError as error:
        sys.exit(str(error))
    print("Concepts that no rule defines, over all layers:")
    for name, number in tables["numbers"].itertuples(index=False):
        print(f"{number:6d}  {name}")


def find(results: Path, variant: str) -> dict[str, pd.DataFrame]:
    """All tables, by name: those of the page's text, and ``best`` for the figures."""
    frozen = read_config(results / "config.yaml").frozen_saes
    pairs = pd.read_parquet(results / "associations.parquet")
    pairs = pairs[pairs["variant"].isin([variant, *frozen, *DETECTORS])]
    features = pd.read_parquet(results / "features.parquet")
    base_rate = base_rates(results)
    best = best_detectors(results, pairs, base_rate, frozen)
    verdicts = compare(best, cluster_counts(results, best))
    trained = trained_model(pairs)
    reliability = _of_layers(results, "annotation/*/layer-*/reliability.parquet", variant)
    return {
        "best": best,
        "verdicts": verdicts,
        "numbers": headline(verdicts),
        "sets": sets(best),
        "detectors": detectors(results, variant, pairs, base_rate, frozen),
        "winners": winners(features[features["variant"] == variant]),
        "probes": against_probes(best),
        "recovery": recovered(
            _of_layers(results, "annotation/*/layer-*/recovery.parquet", variant)
        ),
        "reliability": pool_reliability(reliability[reliability["model"] == trained]),
        "reliability_by_layer": reliability.drop(columns="variant"),
    }


def trained_model(pairs: pd.DataFrame) -> str:
    """Name of the model that is neither one-hot sequences nor permuted."""
    models = pairs["model"].unique().tolist()
    return str(next(name for name in models if name != ONEHOT and not is_permuted(name)))


def best_detectors(
    results: Path, pairs: pd.DataFrame, base_rate: pd.Series, frozen: Collection[str]
) -> pd.DataFrame:
    """One row for each concept, layer and set of detectors: the best on valid, scored on test.

    Concepts that a rule on the sequence defines are left out. Sets of other models than the trained
    one (one-hot, permuted model) and those from the sequence alone are in ``ALL_LAYERS``: one row
    for all layers, of whatever layer and kind is best (``own_layer``, ``variant``). Probes of these
    models keep their layers.

    Parameters
    ----------
    results : Path
    pairs : DataFrame
        associations.parquet, of the SAE that is shown, of frozen ones and of ``DETECTORS``.
    base_rate : Series
        From ``base_rates``.
    frozen : collection of str
        Names of the frozen SAEs.
    """
    permuted = pairs["model"].map(is_permuted)
    other = (pairs["model"] == ONEHOT) | permuted
    pairs = pairs.assign(own_layer=pairs["layer"])
    trained = pairs[~other].assign(set=lambda rows: set_names(rows["variant"], frozen))
    rest = pairs[other].assign(set=np.where(permuted[other], PERMUTED, ONEHOT), layer=ALL_LAYERS)
    probes = _of_layers(results, "probes/*/layer-*/probes.parquet")
    probes["set"] = PROBE
    probes.loc[probes["model"].map(is_permuted), "set"] = PERMUTED_PROBE
    probes.loc[probes["model"] == ONEHOT, "set"] = ONEHOT_PROBE
    lookup = pd.read_parquet(results / "references.parquet").assign(layer=ALL_LAYERS)
    lookup["set"] = lookup["method"].map({"blosum_window": WINDOW, "homology": HOMOLOGUE})
    rules = pd.read_parquet(results / "rules.parquet").rename(columns={"fit_f1": "valid_f1"})
    ruled = rules.assign(layer=ALL_LAYERS, set=RULE)
    every = pd.concat([trained, rest, probes, lookup, ruled], ignore_index=True)
    defined = rules.loc[rules["defined_by_sequence"] == 1, "concept"]
    every = every[~every["concept"].isin(defined)]
    every = every.sort_values("valid_f1", ascending=False, kind="stable")
    best = every.drop_duplicates(["concept", "layer", "set"])
    columns = ["concept", "concept_type", "layer", "set", "model", "own_layer", "variant"]
    columns += ["feature", "rule", "threshold", "valid_f1", "precision", "recall"]
    columns += ["f1", "f1_low", "f1_high", "auroc", "auroc_low", "auroc_high", "selectivity"]
    columns += ["q_value", "n_clusters", "base_rate", "always_on_f1"]
    rate = best["concept"].map(base_rate).astype(float)
    best = best.assign(base_rate=rate, always_on_f1=always_on_f1(rate.to_numpy()))[columns]
    best = best.astype({"feature": "Int64", "own_layer": "Int64"})
    return best.sort_values(["concept_type", "concept", "layer", "set"], ignore_index=True)


def cluster_counts(results: Path, best: pd.DataFrame) -> dict[str, ConceptCounts]:
    """Counts by homology cluster of the detectors in ``best``, by concept."""
    rules = pd.read_parquet(results / "rule_counts.parquet")
    detector = ["model", "own_layer", "variant", "feature", "concept"]
    wanted = best.loc[best["variant"].notna() & best["feature"].notna(), detector]
    wanted = wanted.rename(columns={"own_layer": "layer"}).drop_duplicates()
    parts = []
    for path in sorted(results.glob("annotation/*/layer-*/cluster_counts.parquet")):
        rows = pd.read_parquet(path)
        for name in ("model", "variant", "concept", "cluster"):
            rows[name] = rows[name].astype(object)
        parts.append(rows.merge(wanted, on=list(wanted.columns)))
    found = {name: [rows] for name, rows in pd.concat(parts).groupby("concept")}
    by_rule = rules[rules["concept"].isin(best["concept"])].groupby("concept", observed=True)
    return {str(name): ConceptCounts.of(found.get(name, []), rows) for name, rows in by_rule}


def base_rates(results: Path) -> pd.Series:
    """Share of the test residues known to have or lack a concept that have it, by concept."""
    lookup = pd.read_parquet(results / "references.parquet")
    # The window covers every residue of which a concept is known, homologues do not.
    window = lookup[lookup["method"] == "blosum_window"].set_index("concept")
    return window["n_residues"] / window["n_covered"]


def sets(best: pd.DataFrame) -> pd.DataFrame:
    """F1 of every set's best detector of all layers, for each concept."""
    columns = ["concept", "set", "f1", "f1_low", "f1_high", "q_value"]
    return over_layers(best).sort_values(["concept", "set"])[columns]


def detectors(
    results: Path,
    variant: str,
    pairs: pd.DataFrame,
    base_rate: pd.Series,
    frozen: Collection[str],
) -> pd.DataFrame:
    """One row for each model, layer and set: what it finds, and how good SAEs are."""
    place = ["model", "layer", "variant"]
    table = pd.read_csv(results / "detectors.tsv", sep="\t")
    table = table[table["variant"].isin([variant, *frozen, *DETECTORS])]
    best = best_per_concept(pairs, by=place)
    letters = best[best["concept_type"] == "residue"]
    captured = letters[is_captured(letters["f1"], letters["concept"].map(base_rate))]
    n_captured = captured.groupby(place).size().rename("amino_acids_captured")
    table = table.join(n_captured, on=place).fillna({"amino_acids_captured": 0})
    table = table.astype({"amino_acids_captured": int})
    summary = pd.read_csv(results / "summary.tsv", sep="\t")
    summary["n_dead"] = (summary["dead_fraction"] * summary["n_features"]).round().astype("Int64")
    columns = ["n_dead", "l0", "fvu", "loss_recovered", "features_significant"]
    columns += ["features_with_concept", "features_above_baselines", "features_above_references"]
    table = table.merge(summary[[*place, *columns]], on=place, how="left")
    counts = [name for name in columns if name.startswith("features_")]
    table = table.astype(dict.fromkeys(counts, "Int64"))
    table.insert(2, "set", set_names(table["variant"], frozen))
    return table.drop(columns="variant")


def winners(features: pd.DataFrame) -> pd.DataFrame:
    """How many features lie above all their baselines at a concept, by model and layer.

    Their own layer's coordinates, components, random dictionary, neurons and frozen SAEs, one-hot
    and, except for those of the permuted model itself, the permuted model:
    ``features_above_baselines``, by concept.
    """
    above = features[is_above(features)].groupby(["model", "layer", "concept"])
    table = above.agg(n_features=("feature", "size"), best_f1=("f1", "max")).reset_index()
    return table.sort_values(["model", "layer", "best_f1"], ascending=[True, True, False])


def recovered(rows: pd.DataFrame) -> pd.DataFrame:
    """Of annotations hidden on purpose, how many come back among as many first candidates."""
    columns = ["model", "layer", "concept", "n_hidden", "n_found", "n_found_first", "n_candidates"]
    return rows.loc[rows["n_hidden"] > 0, columns]


def _of_layers(results: Path, pattern: str, variant: str | None = None) -> pd.DataFrame:
    """Tables of all models and layers below one another."""
    rows = pd.concat(map(pd.read_parquet, sorted(results.glob(pattern))), ignore_index=True)
    return rows if variant is None else rows[rows["variant"] == variant]


if __name__ == "__main__":
    main()
