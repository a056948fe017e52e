"""Expected and observed positives of predicted concepts, on annotated proteins of no split.

Draws proteins at random from a file of annotated ones, leaves out those with a relative in the run
(E <= 0.001), and compares for each concept that the run predicts the sum of its probabilities with
the residues that have it. Base rates, also of look-alikes, are those of these proteins. Prints a
table.

    python -m studies.other_population.measure results annotated.jsonl.gz --proteins 800
"""

import argparse
import gzip
import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import protsae
from protsae.concepts.concept_table import ConceptTable
from protsae.io.mmseqs import cluster_sequences, search
from protsae.probabilities.binned_counts import BinnedCounts, count_bins
from protsae.probabilities.likelihood_ratios import LikelihoodRatios, agreement_on
from protsae.stages.explaining.explainer import Explainer
from protsae.statistics.cluster_intervals import MIN_CLUSTERS

NORMAL = 1.959964
"""Half-width of a 95 % interval, in standard errors."""


def drawn(path: Path, n_proteins: int, run: protsae.Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Proteins with their clusters, none a relative of one in the run, and their annotations."""
    with gzip.open(path, "rt") as lines:
        records = [json.loads(line) for line in lines]
    usable = {r["sequence"]: r for r in records if 30 <= len(r["sequence"]) <= 2000}
    usable = {s: r for s, r in usable.items() if s.isalpha()}
    order = np.random.default_rng(0).permutation(len(usable))[:n_proteins]
    chosen = [list(usable.values())[i] for i in order]
    hits = search([r["sequence"] for r in chosen], run.proteins["sequence"].tolist(), 0.001, 2)
    related = {hit.query for hit in hits}
    chosen = [r for i, r in enumerate(chosen) if i not in related]
    table = pd.DataFrame(chosen)[["accession", "sequence"]]
    table["cluster"] = cluster_sequences(table["sequence"].tolist(), 0.3, 0.8, threads=2)
    # A table of concepts asks for both; nothing is chosen here.
    table["split"] = np.where(np.arange(len(table)) % 2, "valid", "test")
    rows = [
        (r["accession"], f["type"], f["description"] or "", f["start"], f["end"])
        for r in chosen
        for f in r["features"]
    ]
    names = ["accession", "type", "description", "start", "end"]
    return table, pd.DataFrame(rows, columns=names)


def agreements(run: protsae.Run, table: pd.DataFrame, annotations: pd.DataFrame) -> pd.DataFrame:
    """One row for each concept that the run predicts and that occurs here."""
    concepts = ConceptTable.build(table, annotations, min_residues=1, min_clusters=1)
    place = {named.name: i for i, named in enumerate(concepts.concepts)}
    explainer = run.explainer(rates=base_rates_here(concepts, table["accession"].tolist()))
    predicted = explainer.concept_features
    chosen = predicted[predicted["concept"].isin(place)].to_dict("records")
    number, _ = pd.factorize(table["cluster"])
    counts: list[list[BinnedCounts]] = [[] for _ in chosen]
    proteins = zip(number, table["accession"], table["sequence"], strict=True)
    for cluster, accession, sequence in proteins:
        codes = explainer.codes(sequence)
        labels = concepts.labels([accession]).toarray()
        known = concepts.known([accession])
        for own, feature in zip(counts, chosen, strict=True):
            column = place[feature["concept"]]
            probabilities = explainer.saes[feature["layer"], feature["variant"]].probabilities
            of_sae = codes[feature["layer"], feature["variant"]]
            value = of_sae[:, [feature["feature"]]].toarray()[:, 0]
            is_known = known[:, concepts.known_column[column]]
            has = labels[:, column].astype(bool)
            at = np.flatnonzero(is_known & (value > 0))
            every = probabilities.near_look_alikes(of_sae, np.array([len(sequence)]))
            look_alike = probabilities.beside_look_alike(
                np.full(len(at), feature["pair"]), at, every
            )
            sums = np.zeros((2, number.max() + 1), np.int64)
            sums[:, cluster] = (has & is_known).sum(), is_known.sum()
            parts = [
                count_bins(value[rows], has[rows], np.full(len(rows), cluster), edges, *sums)
                for rows, edges in zip(
                    (at[pd.isna(look_alike)], at[pd.notna(look_alike)]),
                    edges_of(explainer, feature)[0],
                    strict=True,
                )
            ]
            own.append(parts[0].beside(parts[1]))
    rows = []
    for own, feature in zip(counts, chosen, strict=True):
        summed = BinnedCounts(
            *(sum(getattr(c, name) for c in own) for name in ("tp", "on", "positives", "known"))
        )
        value, low, high = edges_of(explainer, feature)[1]
        spread = np.log(high / low)[None] / 2 / NORMAL
        freedom = np.full(len(value), 1e6)
        alone = agreement_on(LikelihoodRatios(value, low, high, 0 * spread, freedom), summed)
        both = agreement_on(LikelihoodRatios(value, low, high, spread, freedom), summed)
        sae = explainer.saes[feature["layer"], feature["variant"]].probabilities
        number_of = int(sae.look_alike_of[feature["pair"]])
        rows.append(
            {
                "concept": feature["concept"],
                "look_alike": sae.look_alikes[number_of].concept if number_of >= 0 else "",
                "calibration": feature["calibration"],
                "base_rate": summed.base_rate,
                "n_clusters": summed.n_clusters,
                "n_on": int(summed.on.sum()),
                "observed": both.observed,
                "expected": both.expected,
                "low": both.low,
                "high": both.high,
                "holds": both.holds,
                "low_here": alone.low,
                "high_here": alone.high,
                "holds_here": alone.holds,
                "enough": summed.n_clusters >= MIN_CLUSTERS,
            }
        )
    return pd.DataFrame(rows)


def base_rates_here(concepts: ConceptTable, accessions: list[str]) -> dict[str, float]:
    """Share of the residues at which each concept is known that have it."""
    labels, known = concepts.labels(accessions), concepts.known(accessions)
    has, n_known = np.asarray(labels.sum(0)).ravel(), known.sum(0)[concepts.known_column]
    named = [concept.name for concept in concepts.concepts]
    return dict(zip(named, (has / n_known).tolist(), strict=True))


def edges_of(
    explainer: Explainer, feature: dict[Hashable, Any]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Bins of a feature far from its look-alike and near it; all likelihood ratios with bounds."""
    sae = explainer.saes[feature["layer"], feature["variant"]]
    edges = sae.probabilities.edges[feature["pair"]]
    ratios = sae.probabilities.ratios[:, feature["pair"]]
    there = np.isfinite(edges)
    return [own[finite] for own, finite in zip(edges, there, strict=True)], ratios[:, there]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("annotated", type=Path)
    parser.add_argument("--proteins", type=int, default=800)
    args = parser.parse_args()
    run = protsae.read_run(args.results)
    table, annotations = drawn(args.annotated, args.proteins, run)
    found = agreements(run, table, annotations)
    print(f"{len(table)} proteins of {table['cluster'].nunique()} homology clusters")
    print(found.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
