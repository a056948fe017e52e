"""The table of calibration: how probable a concept is where a feature is on."""

from protsae.schema.shared_columns import FEATURE, LAYER, MODEL, VARIANT
from protsae.schema.table import Column, Table

CALIBRATION = Table(
    "calibration",
    1,
    "one row per feature whose concept the sequence does not define, and bin of activation",
    ("model", "layer", "variant", "feature", "bin"),
    (
        MODEL,
        LAYER,
        VARIANT,
        FEATURE,
        Column("bin", "integer", "≥ 1", "Number of the bin; activations rise with it."),
        Column("concept", "text", "see Concepts", "Concept of the feature in features.parquet."),
        Column(
            "activation_above",
            "number",
            "≥ 0",
            "Activations above this one, and up to that of the next bin, are in the bin. The first "
            "is the threshold of the feature.",
        ),
        Column(
            "n_on",
            "integer",
            "≥ 0",
            "Number of validation residues with a known label at which the activation is in the "
            "bin.",
        ),
        Column("n_positives", "integer", "≥ 0", "Number of these residues that have the concept."),
        Column("n_clusters", "integer", "≥ 0", "Number of homology clusters of these residues."),
        Column(
            "valid_base_rate",
            "number",
            "0 to 1",
            "Of the validation residues whose label is known, the share that have the concept.",
        ),
        Column(
            "likelihood_ratio",
            "number",
            "> 0",
            "How many times as common the bin is among validation residues with the concept as "
            "among those without, smoothed so that it rises with the bin. At base rate b, a "
            "residue in the bin has the concept with probability L b / (L b + 1 - b), where L is "
            "this ratio.",
        ),
        Column(
            "likelihood_ratio_low",
            "number",
            "> 0",
            "Lower bound of the 95 % confidence interval of likelihood_ratio over homology "
            "clusters of the validation set.",
        ),
        Column("likelihood_ratio_high", "number", "> 0", "Upper bound of the same interval."),
        Column(
            "test_on",
            "integer",
            "≥ 0",
            "Number of test residues with a known label at which the feature is on, in any bin.",
        ),
        Column(
            "observed_positives",
            "integer",
            "0 to test_on",
            "Number of these residues that have the concept.",
        ),
        Column(
            "expected_positives",
            "number",
            "0 to test_on",
            "Number of these residues that should have it: the sum of their probabilities at the "
            "base rate of the test set.",
        ),
        Column(
            "expected_low",
            "number",
            "0 to test_on",
            "Lower bound of the 95 % interval in which observed_positives lies if the "
            "probabilities hold, over homology clusters of both sets.",
        ),
        Column("expected_high", "number", "0 to test_on", "Upper bound of the same interval."),
        Column(
            "calibration",
            "text",
            "calibrated or uncalibrated",
            "`calibrated` if observed_positives lies from expected_low to expected_high and the "
            "concept is in at least 10 homology clusters of the validation set and of the test "
            "set. Otherwise the probabilities fail on test, or cannot be tested.",
        ),
    ),
)
