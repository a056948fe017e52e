"""Tables of concepts that features predict in proteins, by residue and by segment."""

from dataclasses import replace

from protsae.schema.explained.probability_columns import PROBABILITY
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.shared_columns import FEATURE, LAYER, VARIANT
from protsae.schema.table import Column, Table

_OF_FEATURE = {column.name: column for column in FEATURES.columns}

_PROTEIN = Column("protein", "text", "name", "Name of the protein: that of its FASTA record.")
_CONCEPT = (
    Column("concept", "text", "see Concepts", "Concept that is predicted."),
    Column(
        "label",
        "text",
        "words",
        "Label of the feature in features.parquet; the concept, if there is none.",
    ),
)
_WHICH = (
    LAYER,
    VARIANT,
    replace(
        FEATURE,
        meaning="Feature that predicts the concept: of the features that match this concept best "
        "and are called for it, the one with the highest F1 on the validation set; or the one in "
        "best_features.parquet that matches another concept better, if it is called for this one "
        "with at least twice that F1.",
    ),
)
_SCORES = tuple(
    replace(
        _OF_FEATURE[name],
        meaning=f"`{name}` of the feature for this concept, in features.parquet or "
        "best_features.parquet; empty where that is.",
        empty=True,
    )
    for name in (
        *("valid_f1", "f1", "f1_low", "f1_high", "q_value", "verdict"),
        *("best_baseline", "best_baseline_f1"),
    )
) + tuple(
    replace(
        _OF_FEATURE[name],
        meaning=f"`{name}` of the feature in features.parquet; empty where that is.",
        empty=True,
    )
    for name in ("stability", "random_stability", "recurs")
)

PREDICTIONS = Table(
    "predictions",
    3,
    "one row per segment at which a concept is predicted, protein by protein",
    ("protein", "concept", "start"),
    (
        _PROTEIN,
        *_CONCEPT,
        Column("start", "integer", "≥ 1", "First residue of the segment, 1-based."),
        Column("end", "integer", "≥ start", "Last residue of the segment, inclusive."),
        Column("peak", "integer", "start to end", "Residue with the highest activation."),
        Column(
            "probability",
            "number",
            "0 to 1",
            "Probability that a residue of the segment has the concept: the mean of those of its "
            "residues in residues.parquet.",
            True,
        ),
        *PROBABILITY,
        Column(
            "expected_residues",
            "number",
            "0 to length",
            "Number of residues of the segment that are expected to have the concept: the sum of "
            "their probabilities.",
            True,
        ),
        *_WHICH,
        Column("activation", "number", "> 0", "Activation at the peak."),
        *_SCORES,
    ),
)

RESIDUES = Table(
    "residues",
    3,
    "one row per residue and concept predicted there, protein by protein, concept by concept",
    ("protein", "concept", "position"),
    (
        _PROTEIN,
        Column("position", "integer", "≥ 1", "Position of the residue, 1-based."),
        Column("residue", "text", "one letter", "Amino acid at the position."),
        *_CONCEPT,
        Column(
            "probability",
            "number",
            "0 to 1",
            "Probability that the residue has the concept, at assumed_base_rate, given the "
            "activation of the feature (see calibration.parquet). Empty if the run has none.",
            True,
        ),
        *PROBABILITY,
        *_WHICH,
        Column("activation", "number", "> 0", "Activation of the feature."),
        *_SCORES,
    ),
)
