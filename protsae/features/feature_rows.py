"""The rows of the feature table, for one SAE on one layer."""

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.pairs.selection import best_rows
from protsae.association.scoring.correlations import pearson, spearman
from protsae.association.scoring.metrics import ratio
from protsae.concepts.sequence.scales import SCALE_COLUMNS, scale_matrix
from protsae.detectors.activations import Codes
from protsae.features.activation_patterns import ActivationPatterns, on_thresholds

OF_BEST_PAIR = (
    *("concept", "concept_type", "quantile", "threshold", "valid_f1", "precision", "recall"),
    *("false_positive_rate", "f1", "f1_low", "f1_high", "reference_base_rate"),
    *("f1_at_reference_rate", "instance_recall", "instance_f1", "average_precision", "auroc"),
    *("auroc_low", "auroc_high", "position_matched_auroc", "position_matched_auroc_low"),
    *("position_matched_auroc_high", "preferred_end"),
    *(
        "mcc",
        "lift",
        "concept_level",
        "rotation_null_f1",
        "position_null_f1",
        "rotation_p_value",
        "position_p_value",
        "p_value",
        "q_value",
        "family_p_value",
        "base_rate",
        "n_residues",
        "n_clusters",
    ),
    "effective_clusters",
)
"""Columns of a feature's best pair that the feature table repeats."""

OF_PATTERNS = {
    "kind": "kind",
    "prevalence": "prevalence",
    "active_share": "active_share",
    "run_n50": "segment_length",
    "spacing_median": "spacing",
    "effective_clusters": "activation_clusters",
}
"""Columns of `ActivationPatterns` and their names in the feature table."""


def feature_rows(
    layer: Layer, codes: Codes, examined: Examined, strongest: list[str], cosine: np.ndarray
) -> pd.DataFrame:
    """One row per feature; columns as in docs/tables.md.

    Parameters
    ----------
    examined : Examined
        Of a feature's pairs the one with the highest gain on valid is its concept.
    strongest : list of str
        Accessions of each feature's strongest proteins, separated by commas.
    cosine : ndarray, shape (n_features,)
        Of encoder and decoder vector.
    """
    n_features, pairs = len(cosine), examined.pairs
    best = pairs.iloc[best_rows(pairs["feature"].to_numpy(), pairs["gain"].to_numpy())]
    best = best.assign(n_residues=best["tp"] + best["fn"]).set_index("feature")
    best = best[list(OF_BEST_PAIR)].astype({"n_residues": "Int64", "n_clusters": "Int64"})
    test = layer.of_split("test")
    scales = scale_matrix(test["sequence"].tolist())
    n_active, total, largest = np.zeros((3, n_features))
    level = np.zeros(n_features, np.float32)
    correlations = np.zeros((2, len(SCALE_COLUMNS), n_features))
    every = np.arange(n_features)
    for members, activations in layer.columns(codes, "test", every, examined.density):
        n_active[members] = np.diff(activations.indptr)
        total[members] = activations.sum(0, dtype=np.float64)
        largest[members] = activations.max(0).toarray()
        level[members] = on_thresholds(activations)
        correlations[0][:, members] = pearson(activations, scales)
        correlations[1][:, members] = spearman(activations, scales)
    # The correlation with a constant is not 0, it is not defined.
    correlations[:, :, n_active == 0] = np.nan
    return pd.DataFrame(
        {
            "feature": every,
            "density": n_active / test["length"].sum(),
            "mean_activation": ratio(total, n_active),
            "max_activation": largest,
            "encoder_decoder_cosine": cosine,
            **_patterns(layer, codes, level)[list(OF_PATTERNS)].rename(columns=OF_PATTERNS),
            **best.reindex(every),
            **{
                f"{name}_{kind}": correlations[i, j]
                for j, name in enumerate(SCALE_COLUMNS)
                for i, kind in enumerate(("r", "rho"))
            },
            "top_proteins": strongest,
        }
    )


def _patterns(layer: Layer, codes: Codes, level: np.ndarray) -> pd.DataFrame:
    """`ActivationPatterns` on test, where on is above the `on_thresholds` of test."""
    test = layer.of_split("test")
    cluster_of = dict(zip(test["accession"], pd.factorize(test["cluster"])[0], strict=True))
    patterns = ActivationPatterns(level, test["cluster"].nunique())
    for proteins, activations in layer.blocks(codes, layer.names("test")):
        cluster = proteins["accession"].map(cluster_of).to_numpy()
        patterns.update(sparse.csc_array(activations), proteins["length"].to_numpy(), cluster)
    return patterns.table()
