"""Columns that say how probable a concept is, and how far to trust that."""

from protsae.schema.table import Column

PROBABILITY = (
    Column(
        "probability_low",
        "number",
        "0 to 1",
        "Lower bound of the 95 % confidence interval of the probability over homology clusters of "
        "the validation set. The base rate is taken as known.",
        True,
    ),
    Column("probability_high", "number", "0 to 1", "Upper bound of the same interval.", True),
    Column(
        "assumed_base_rate",
        "number",
        "0 to 1",
        "Share of residues that are taken to have the concept, in proteins such as these.",
        True,
    ),
    Column(
        "base_rate_from",
        "text",
        "given, reference or test set",
        "Where that share comes from: the file of `--base-rates`, `annotate.reference_rates` of "
        "the run, or its test set, in this order.",
        True,
    ),
    Column(
        "calibration",
        "text",
        "calibrated or uncalibrated",
        "`calibrated` if the probabilities of this concept by this feature held on the test set; "
        "`uncalibrated` if they did not or could not be tested: then take the probability as a "
        "score.",
        True,
    ),
    Column(
        "look_alike",
        "text",
        "see Concepts",
        "Look-alike of the feature, if the look-alike's own feature is on within 20 residues: "
        "another concept, at which the feature is often on, too (see calibration.parquet). The "
        "probability is that of residues near it. Empty elsewhere.",
        True,
    ),
    Column(
        "look_alike_rate",
        "number",
        "0 to 1",
        "Share of residues that are taken to have the look-alike of the feature, in proteins such "
        "as these. Empty if the feature has no look-alike.",
        True,
    ),
)
