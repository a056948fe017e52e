"""The active segments of proteins, with what the run says of the features that mark them."""

from dataclasses import replace

from protsae.schema.explained.probability_columns import PROBABILITY
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.shared_columns import FEATURE, LAYER, VARIANT
from protsae.schema.table import Column, Table

FROM_FEATURES = (
    *("concept", "concept_type", "valid_f1", "f1", "f1_low", "f1_high", "q_value", "verdict"),
    *("best_baseline", "best_baseline_f1", "precision", "base_rate", "defined_by_sequence"),
    *("stability", "random_stability", "recurs"),
)
"""Columns that are those of the feature's row in features.parquet."""

_OF_FEATURE = {column.name: column for column in FEATURES.columns}

SEGMENTS = Table(
    "segments",
    3,
    "one row per active segment, protein by protein; in each the surest concepts first",
    ("protein", "layer", "variant", "feature", "start"),
    (
        Column(
            "protein", "text", "name", "Name of the protein: the accession of its FASTA record."
        ),
        Column("start", "integer", "≥ 1", "First residue of the segment, 1-based."),
        Column("end", "integer", "≥ start", "Last residue of the segment, inclusive."),
        LAYER,
        VARIANT,
        FEATURE,
        Column(
            "peak",
            "integer",
            "start to end",
            "Residue of the segment with the highest activation; the first of equal ones.",
        ),
        Column("activation", "number", "> threshold", "Activation at the peak."),
        Column(
            "relative_activation",
            "number",
            "> 0",
            "Activation at the peak divided by max_activation of the feature, the largest "
            "activation on the run's test set. It can be above 1. Empty if max_activation is 0.",
            True,
        ),
        Column(
            "threshold",
            "number",
            "≥ 0",
            "Activation above which the feature is on: the threshold at which the run scored its "
            "concept, and 0 if it has no concept.",
        ),
        *(
            replace(
                _OF_FEATURE[name],
                meaning=f"`{name}` of the feature in features.parquet; empty where that is.",
                empty=True,
            )
            for name in FROM_FEATURES
        ),
        Column(
            "label",
            "text",
            "words",
            "Label of the feature in features.parquet; its concept, if there is none.",
            True,
        ),
        Column(
            "probability",
            "number",
            "0 to 1",
            "Probability that the residue at the peak has the concept, at assumed_base_rate (see "
            "calibration.parquet). Empty if the run has none for the feature.",
            True,
        ),
        *PROBABILITY,
    ),
)
