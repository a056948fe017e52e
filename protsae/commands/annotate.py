"""Say which property of residues each feature of a layer detects, with baselines and a null.

All SAE variants of one layer, and its single neurons, are scored by the same code: thresholds are
quantiles of positive activations on train, property and threshold are chosen on valid, every score
is reported on test with a 95 % interval over homology clusters and the F1 that circularly shifted
labels reach.

example:
  protsae annotate --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --output results/annotation/esm2_t6_8M_UR50D/layer-03
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from protsae import __version__
from protsae.association.annotation import (
    PairScores,
    association_rows,
    best_detectors,
    best_properties,
    score_pairs,
)
from protsae.association.counts import MatchCounts
from protsae.association.examples import TopProteins
from protsae.association.pairs import PairCounts
from protsae.association.scales import ScaleCorrelation
from protsae.association.thresholds import positive_quantiles
from protsae.concepts.labels import PropertyTable
from protsae.concepts.scales import SCALE_COLUMNS, scale_matrix
from protsae.config import AnnotateSettings, add_flags, settings_from_flags
from protsae.errors import UserError
from protsae.io.activations import LayerCache
from protsae.io.progress import progress
from protsae.io.proteins_table import read_proteins
from protsae.io.sae_files import read_sae, validate_same_source
from protsae.io.tables import read_table, write_table
from protsae.sae.metrics import encoder_decoder_cosine
from protsae.sae.models import Sae
from protsae.sae.normalisation import measure_normalisation
from protsae.sae.restore import restore_sae

Encode = Callable[[np.ndarray], np.ndarray]

NEURONS = "neurons"
"""The baseline among the variants; feature i is neuron i, feature d_model + i its negative."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--annotations", required=True, help="annotations.parquet")
    parser.add_argument("--output", required=True, help="folder for the layer's three tables")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    add_flags(parser, AnnotateSettings)


@dataclass(frozen=True)
class Layer:
    """One layer's activations, its proteins and what is known of their residues."""

    cache: LayerCache
    proteins: pd.DataFrame
    properties: PropertyTable
    settings: AnnotateSettings

    def names(self, split: str) -> set[str]:
        """Accessions of a split."""
        return set(self.proteins.loc[self.proteins["split"] == split, "accession"])

    def blocks(self, names: set[str]) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Whole proteins at a time: their rows of the protein table, and their activations."""
        table = self.proteins.set_index("accession", drop=False)
        for accessions, rows in self.cache.protein_blocks(names, self.settings.batch):
            yield table.loc[accessions], rows


def run(args: argparse.Namespace) -> None:
    """Score every variant and the neurons, write the tables."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(AnnotateSettings, args)
    saes = {Path(folder).name: read_sae(folder) for folder in args.sae}
    layer_number = next(iter(saes.values()))[1].layer
    cache = LayerCache(args.activations, layer_number)
    for folder, (_, source) in zip(args.sae, saes.values(), strict=True):
        validate_same_source(folder, source, cache)
    proteins, _ = read_proteins(args.proteins)
    properties = PropertyTable.build(
        proteins, read_table(args.annotations), settings.min_residues, settings.min_clusters
    )
    if not properties.properties:
        raise UserError(
            "annotate: no property occurs often enough in valid and test "
            f"({properties.left_out}); give more proteins or lower annotate.min_residues and "
            "annotate.min_clusters"
        )
    layer = Layer(cache, proteins, properties, settings)

    neurons = neuron_encoder(layer)
    neuron_scores, neuron_thresholds = score_detectors(layer, neurons, 2 * cache.d_model)
    key = {"model": cache.source.model, "layer": layer_number}
    names = [(p.name, p.type) for p in properties.properties]
    quantiles = sorted(settings.quantiles)
    associations = [
        association_rows(
            neuron_scores, names, neuron_thresholds, quantiles, settings.min_f1
        ).assign(variant=NEURONS)
    ]
    features, examples = [], []
    for variant, (weights, source) in progress(saes.items(), "annotating", "variants"):
        sae = restore_sae(source.architecture, source.k, weights)
        encode = sae_encoder(sae)
        scores, thresholds = score_detectors(layer, encode, sae.n_features)
        table = association_rows(scores, names, thresholds, quantiles, settings.min_f1)
        associations.append(table.assign(variant=variant))
        top = top_proteins(layer, encode, sae.n_features)
        rows = feature_rows(layer, sae, encode, scores, thresholds, neuron_scores, top)
        features.append(rows.assign(variant=variant))
        examples.append(example_rows(layer, encode, top).assign(variant=variant))

    metadata = {"stage": "annotate", **vars(cache.source), "code_version": __version__}
    for name, tables in (
        ("associations", associations),
        ("examples", examples),
        ("features", features),
    ):
        table = pd.concat(tables, ignore_index=True).assign(**key)
        first = [*key, "variant", "feature"]
        table = table[first + [column for column in table if column not in first]]
        write_table(Path(args.output) / f"{name}.parquet", table, metadata)
    found = pd.concat(features)
    print(
        f"{len(names)} properties scored ({layer.properties.left_out} left out), "
        f"{found['property'].notna().sum()} of {len(found)} features better than always on"
    )


def sae_encoder(sae: Sae) -> Encode:
    """Features of an SAE, float32, shape (n_residues, n_features)."""

    def encode(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return sae.encode(torch.from_numpy(rows)).numpy()

    return encode


def neuron_encoder(layer: Layer) -> Encode:
    """Single neurons, both signs: max(x - mean, 0) beside max(mean - x, 0), mean from train."""
    train = layer.names("train")
    mean = measure_normalisation(rows for _, rows in layer.blocks(train)).mean.astype(np.float32)

    def encode(rows: np.ndarray) -> np.ndarray:
        centred = rows - mean
        return np.maximum(np.hstack([centred, -centred]), 0)

    return encode


def score_detectors(layer: Layer, encode: Encode, n_features: int) -> tuple[PairScores, np.ndarray]:
    """Scores of all pairs of property and detector, and the thresholds tried."""
    settings = layer.settings
    train = layer.proteins[layer.proteins["split"] == "train"].sample(
        frac=1, random_state=settings.seed
    )
    enough = train[train["length"].cumsum().shift(fill_value=0) < settings.sample]
    sample = [sparse.csr_array(encode(rows)) for _, rows in layer.blocks(set(enough["accession"]))]
    thresholds = positive_quantiles(sparse.csc_array(sparse.vstack(sample)), settings.quantiles)
    counts = {}
    for split in ("valid", "test"):
        counts[split] = MatchCounts(thresholds, len(layer.properties.properties))
        for proteins, rows in layer.blocks(layer.names(split)):
            labels = layer.properties.labels(proteins["accession"].tolist())
            counts[split].update(sparse.csr_array(encode(rows)), labels)
    return score_pairs(counts["valid"], counts["test"]), thresholds


def top_proteins(layer: Layer, encode: Encode, n_features: int) -> TopProteins:
    """Strongest proteins of every feature, from all splits, in cache order."""
    top = TopProteins(n_features, layer.settings.examples)
    for proteins, rows in layer.blocks(set(layer.proteins["accession"])):
        activations = encode(rows)
        for part in np.split(activations, np.cumsum(proteins["length"])[:-1]):
            top.update(part)
    return top


def feature_rows(
    layer: Layer,
    sae: Sae,
    encode: Encode,
    scores: PairScores,
    thresholds: np.ndarray,
    neurons: PairScores,
    top: TopProteins,
) -> pd.DataFrame:
    """One row per feature; columns as in docs/tables.md."""
    settings, n_features = layer.settings, sae.n_features
    feature, property_ = best_properties(scores)
    pair = (property_, feature)
    level = scores.threshold[pair]
    test = layer.proteins[layer.proteins["split"] == "test"]
    cluster_of = dict(zip(test["accession"], pd.factorize(test["cluster"])[0], strict=True))
    counts = PairCounts(
        feature,
        property_,
        thresholds[level, feature],
        test["cluster"].nunique(),
        settings.null_shifts,
        settings.seed,
    )
    scales = ScaleCorrelation(n_features, len(SCALE_COLUMNS))
    n_active, total = np.zeros(n_features), np.zeros(n_features)
    largest = np.zeros(n_features)
    for proteins, rows in layer.blocks(layer.names("test")):
        activations = encode(rows)
        labels = layer.properties.labels(proteins["accession"].tolist())
        lengths = proteins["length"].to_numpy()
        cluster = np.repeat([cluster_of[a] for a in proteins["accession"]], lengths)
        counts.update(sparse.csc_array(activations), labels, cluster, lengths)
        scales.update(activations, scale_matrix(proteins["sequence"].tolist()))
        n_active += (activations > 0).sum(0)
        total += activations.sum(0, dtype=np.float64)
        largest = np.maximum(largest, activations.max(0))

    low, high = counts.f1_interval(settings.bootstrap, settings.seed)
    detector = best_detectors(neurons)[property_]
    d_model = layer.cache.d_model
    named = layer.properties.properties
    chosen = pd.DataFrame(
        {
            "property": [named[p].name for p in property_],
            "property_type": [named[p].type for p in property_],
            "quantile": np.array(sorted(settings.quantiles))[level],
            "threshold": thresholds[level, feature],
            "valid_f1": scores.valid["f1"][pair],
            **{key: scores.test[key][pair] for key in ("precision", "recall", "f1")},
            "f1_low": low,
            "f1_high": high,
            "null_f1": counts.null_f1(),
            "base_rate": scores.base_rate[property_],
            "n_residues": counts.positives.sum(0),
            "n_clusters": (counts.positives > 0).sum(0),
            "neuron": detector % d_model,
            "neuron_sign": np.where(detector < d_model, 1, -1),
            "neuron_f1": neurons.test["f1"][property_, detector],
        },
        index=feature,
    )
    integers = ["n_residues", "n_clusters", "neuron", "neuron_sign"]
    chosen[integers] = chosen[integers].astype("Int64")
    pearson = scales.pearson
    return pd.DataFrame(
        {
            "feature": np.arange(n_features),
            "density": n_active / test["length"].sum(),
            "mean_activation": np.divide(
                total, n_active, out=np.zeros(n_features), where=n_active > 0
            ),
            "max_activation": largest,
            "encoder_decoder_cosine": encoder_decoder_cosine(sae),
            **chosen.reindex(np.arange(n_features)),
            **{f"{name}_r": pearson[i] for i, name in enumerate(SCALE_COLUMNS)},
            "top_proteins": _top_accessions(layer, top),
        }
    )


def example_rows(layer: Layer, encode: Encode, top: TopProteins) -> pd.DataFrame:
    """Activations around the peak in each feature's strongest proteins."""
    flank = layer.settings.flank
    rank, feature = np.nonzero(top.value > 0)
    wanted = pd.DataFrame(
        {
            "feature": feature,
            "rank": rank + 1,
            "protein": top.protein[rank, feature],
            "peak": top.peak[rank, feature],
        }
    )
    by_protein = dict(iter(wanted.groupby("protein")))
    found, number = [], 0
    for proteins, rows in layer.blocks(set(layer.proteins["accession"])):
        activations = encode(rows)
        parts = np.split(activations, np.cumsum(proteins["length"])[:-1])
        for accession, part in zip(proteins["accession"], parts, strict=True):
            for row in by_protein.get(number, wanted.head(0)).itertuples():
                start, stop = max(0, row.peak - flank), min(len(part), row.peak + flank + 1)
                found.append(
                    {
                        "feature": row.feature,
                        "rank": row.rank,
                        "accession": accession,
                        "peak": row.peak + 1,
                        "start": start + 1,
                        "end": stop,
                        "max_activation": part[row.peak, row.feature],
                        "activations": part[start:stop, row.feature],
                    }
                )
            number += 1
    return pd.DataFrame(found).sort_values(["feature", "rank"], ignore_index=True)


def _top_accessions(layer: Layer, top: TopProteins) -> list[str]:
    order = layer.cache.proteins["accession"].to_numpy()
    return [
        ",".join(order[protein[value > 0]])
        for protein, value in zip(top.protein.T, top.value.T, strict=True)
    ]
