"""The table of calibration: how probable a concept is where a feature is on."""

from protsae.schema.shared_columns import FEATURE, LAYER, MODEL, VARIANT
from protsae.schema.table import Column, Table

CALIBRATION = Table(
    "calibration",
    3,
    "one row per pair, whether its look-alike is near, and bin of activation. Pairs are each "
    "feature with its own concept, and each concept with the feature of the SAE that has the "
    "highest F1 on the validation set; concepts that the sequence defines are left out",
    ("model", "layer", "variant", "feature", "concept", "near_look_alike", "bin"),
    (
        MODEL,
        LAYER,
        VARIANT,
        FEATURE,
        Column("concept", "text", "see Concepts", "Concept of the pair."),
        Column(
            "near_look_alike",
            "boolean",
            "true or false",
            "Whether the row is about residues at most 20 residues from one at which "
            "look_alike_feature is on. False for all rows of a pair without one.",
        ),
        Column("bin", "integer", "≥ 1", "Number of the bin; activations rise with it."),
        Column(
            "activation_above",
            "number",
            "≥ 0",
            "Activations above this one, and up to that of the next bin, are in the bin. The first "
            "is the threshold of the pair.",
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
            "base rates of the concept and of its look-alike in the test set.",
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
        Column(
            "look_alike_ratio",
            "number",
            "> 0",
            "Of the validation residues without the concept: how many times as often the feature "
            "is on at those with look_alike as at the others, far from or near "
            "look_alike_feature. Where a share q of the residues without the concept has the "
            "look-alike, divide likelihood_ratio by (r q + 1 - q) / (r v + 1 - v), where r is this "
            "ratio and v is valid_look_alike_rate. Empty without a look-alike.",
            True,
        ),
        Column(
            "valid_look_alike_rate",
            "number",
            "0 to 1",
            "Of the validation residues without the concept, the share that have look_alike.",
            True,
        ),
        Column(
            "look_alike",
            "text",
            "see Concepts",
            "Another concept that explains where the feature is on without its own: on the "
            "validation set, at least a tenth of those residues have it, the feature is on there "
            "significantly more often than elsewhere, and at most 5 % of the residues of the rarer "
            "of the two concepts have both. Of several, the one that explains most. Empty if there "
            "is none, if the labels of the two are known at other residues, or if a look_alike "
            "five times as common or as rare would change the number of residues expected to have "
            "the concept by more than a quarter.",
            True,
        ),
        Column(
            "look_alike_feature",
            "integer",
            "≥ 0",
            "Of the features of the same SAE with this concept, the one with the highest F1 on the "
            "validation set.",
            True,
        ),
        Column(
            "look_alike_above",
            "number",
            "≥ 0",
            "Activation above which look_alike_feature is on.",
            True,
        ),
        Column(
            "look_alike_base_rate",
            "number",
            "0 to 1",
            "Share of residues that `protsae explain` takes to have look_alike unless a rate is "
            "given: that of `annotate.reference_rates`, or, without one, of the test set.",
            True,
        ),
    ),
)
