"""The rows of the feature table and of the examples, for one SAE on one layer."""

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.annotation import PairScores, best_detectors, best_properties
from protsae.association.examples import TopProteins
from protsae.association.layer import Encode, Layer
from protsae.association.pairs import PairCounts
from protsae.association.scales import ScaleCorrelation
from protsae.association.scores import ratio
from protsae.concepts.scales import SCALE_COLUMNS, scale_matrix


def feature_rows(
    layer: Layer,
    encode: Encode,
    scores: PairScores,
    thresholds: np.ndarray,
    neurons: PairScores,
    top: TopProteins,
    cosine: np.ndarray,
) -> pd.DataFrame:
    """One row per feature; columns as in docs/tables.md."""
    settings, n_features = layer.settings, thresholds.shape[1]
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

    low, high = counts.f1_interval()
    detector = best_detectors(neurons)[property_]
    d_model = neurons.threshold.shape[1] // 2
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
            "mean_activation": ratio(total, n_active),
            "max_activation": largest,
            "encoder_decoder_cosine": cosine,
            **chosen.reindex(np.arange(n_features)),
            **{f"{name}_r": pearson[i] for i, name in enumerate(SCALE_COLUMNS)},
            "top_proteins": [",".join(top.of_feature(f)) for f in range(n_features)],
        }
    )


def example_rows(layer: Layer, encode: Encode, top: TopProteins) -> pd.DataFrame:
    """Activations around the peak in each feature's strongest proteins, by feature and rank."""
    flank = layer.settings.flank
    rank, feature = np.nonzero(top.value > 0)
    wanted: dict[str, list[tuple[int, int, int]]] = {}
    for r, f in zip(rank.tolist(), feature.tolist(), strict=True):
        place = (f, r + 1, int(top.peak[r, f]))
        wanted.setdefault(top.accessions[top.protein[r, f]], []).append(place)
    found = [
        {
            "feature": f,
            "rank": r,
            "accession": accession,
            "peak": peak + 1,
            "start": max(0, peak - flank) + 1,
            "end": min(len(activations), peak + flank + 1),
            "max_activation": activations[peak, f],
            # A copy: a view would keep the whole protein's block in memory.
            "activations": activations[max(0, peak - flank) : peak + flank + 1, f].copy(),
        }
        for accession, activations in layer.each(encode)
        for f, r, peak in wanted.get(accession, [])
    ]
    columns = ["feature", "rank", "accession", "peak", "start", "end"]
    table = pd.DataFrame(found, columns=[*columns, "max_activation", "activations"])
    return table.sort_values(["feature", "rank"], ignore_index=True)
