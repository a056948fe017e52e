"""Tables of detectors and the concepts that they are scored against."""

from dataclasses import replace

from protsae.schema.shared_columns import CONCEPT, IDENTITY, LAYER, MODEL, OF_RULES, PAIR
from protsae.schema.table import Column, Table

_DETECTORS = Column(
    "variant",
    "text",
    "name",
    "Set of detectors: the name of an SAE, or `coordinates`, `pca`, `random` or `mlp` (see "
    "Baselines).",
)

_DETECTOR = Column(
    "feature", "integer", "≥ 0", "Index of the detector in its set; for an SAE, of the feature."
)

ASSOCIATIONS = Table(
    "associations",
    8,
    "one row per pair kept, sorted by model (onehot first), layer, variant, feature and "
    "decreasing valid_f1",
    ("model", "layer", "variant", "feature", "concept"),
    (
        MODEL,
        LAYER,
        _DETECTORS,
        _DETECTOR,
        *CONCEPT,
        Column("valid_precision", "number", "0 to 1", "Precision on the validation set."),
        Column("valid_recall", "number", "0 to 1", "Recall on the validation set."),
        *PAIR,
        Column(
            "tp",
            "integer",
            "≥ 0",
            "True positives: test residues with the detector on that have the concept.",
        ),
        Column(
            "fp",
            "integer",
            "≥ 0",
            "False positives: test residues with the detector on that lack the concept.",
        ),
        Column(
            "fn",
            "integer",
            "≥ 0",
            "False negatives: test residues with the detector off that have the concept.",
        ),
        *OF_RULES,
    ),
)

LAYER_ASSOCIATIONS = replace(
    ASSOCIATIONS, columns=tuple(c for c in ASSOCIATIONS.columns if c not in OF_RULES)
)
"""What `annotate` writes for one layer; rules are joined to it by `tables`."""

DETECTORS = Table(
    "detectors",
    3,
    "one row per set of detectors, sorted by model (onehot first), layer and variant",
    ("model", "layer", "variant"),
    (
        MODEL,
        LAYER,
        _DETECTORS,
        Column(
            "n_detectors",
            "integer",
            "≥ 1",
            "Number of detectors in the set. A coordinate or principal component is two detectors, "
            "one for each sign.",
        ),
        Column(
            "n_significant",
            "integer",
            "≥ 0",
            "Number of detectors with at least one concept at q ≤ 0.05, not counting concepts that "
            "the sequence defines.",
        ),
        Column(
            "n_significant_low",
            "integer",
            "≥ 0",
            "95 % lower confidence bound on the number of these detectors with at least one true "
            "association.",
        ),
        Column(
            "n_capturing",
            "integer",
            "≥ 0",
            "Number of detectors that capture at least one concept.",
        ),
        Column(
            "n_capturing_low",
            "number",
            "≥ 0",
            "2.5 % quantile of n_capturing over resamplings of homology clusters. Empty with fewer "
            "than 10 homology clusters.",
            True,
        ),
        Column("n_capturing_high", "number", "≥ 0", "97.5 % quantile of the same.", True),
        Column(
            "concepts_significant",
            "integer",
            "≥ 0",
            "Number of concepts with at least one detector at q ≤ 0.05, not counting those that "
            "the sequence defines.",
        ),
        Column(
            "concepts_significant_low",
            "integer",
            "≥ 0",
            "95 % lower confidence bound on the number of these concepts with at least one true "
            "association.",
        ),
        Column(
            "concepts_captured",
            "integer",
            "≥ 0",
            "Number of concepts captured by their best detector, chosen on the validation set.",
        ),
        Column(
            "concepts_captured_low",
            "number",
            "≥ 0",
            "2.5 % quantile of concepts_captured over resamplings of homology clusters. Empty with "
            "fewer than 10 homology clusters.",
            True,
        ),
        Column("concepts_captured_high", "number", "≥ 0", "97.5 % quantile of the same.", True),
        Column(
            "concepts_per_detector",
            "number",
            "≥ 0",
            "Mean number of these concepts per detector that has any.",
        ),
    ),
)

CLUSTER_COUNTS = Table(
    "cluster_counts",
    2,
    "one row per detector and test homology cluster in which it is on: every feature at its best "
    "concept, every concept's best detector",
    ("model", "layer", "variant", "feature", "concept", "cluster"),
    (
        MODEL,
        LAYER,
        _DETECTORS,
        _DETECTOR,
        Column("concept", "text", "see Concepts", "Concept at whose threshold the detector is on."),
        Column("cluster", "text", "accession", "Homology cluster, as in proteins.parquet."),
        Column(
            "tp",
            "integer",
            "≥ 0",
            "Residues of the cluster with the detector on that have the concept.",
        ),
        Column("on", "integer", "≥ 1", "Residues of the cluster with the detector on."),
    ),
)

INTERPLM = Table(
    "interplm",
    2,
    "one row per pair that InterPLM's rule calls, if `annotate.interplm` is set",
    ("model", "layer", "variant", "feature", "concept"),
    (
        *IDENTITY,
        Column(
            "concept",
            "text",
            "name",
            "Concept in InterPLM's own naming, such as Helix or Domain_SH2.",
        ),
        Column(
            "valid_threshold",
            "number",
            "0 to 0.8",
            "Threshold with the highest F1 on the validation set, as a share of the feature's "
            "largest activation.",
        ),
        Column(
            "valid_f1",
            "number",
            "0.5 to 1",
            "InterPLM's F1 on the validation set at that threshold.",
        ),
        Column(
            "test_threshold",
            "number",
            "0 to 0.8",
            "Threshold with the highest F1 on the test set, on the same scale.",
        ),
        Column(
            "test_f1",
            "number",
            "0.5 to 1",
            "InterPLM's F1 on the test set at that threshold. It is optimistic, because the "
            "threshold was chosen on the same set.",
        ),
    ),
)
