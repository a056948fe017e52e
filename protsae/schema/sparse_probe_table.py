"""The table of k-sparse probes."""

from protsae.schema.reference_tables import PROBE_SCORES, SUPPORT
from protsae.schema.shared_columns import (
    CONCEPT,
    F1_DIFFERENCE,
    F1_DIFFERENCE_HIGH,
    FREEZE,
    LAYER,
    MODEL,
)
from protsae.schema.table import Column, Table

SPARSE_PROBES = Table(
    "sparse_probes",
    1,
    "one row per set of detectors, concept and k",
    ("model", "layer", "variant", "concept", "k"),
    (
        MODEL,
        LAYER,
        Column(
            "variant",
            "text",
            "name",
            "Set of detectors: the name of an SAE, or `coordinates` of the layer, its principal "
            "components (`pca`), the neurons of its MLP (`mlp`), or the `sequence` alone.",
        ),
        FREEZE,
        *CONCEPT,
        Column("k", "integer", "≥ 1", "Number of detectors that the probe uses, at most."),
        Column(
            "detectors",
            "text",
            "numbers",
            "Detectors of the set that it uses, in the order in which they were chosen on the "
            "training set: each lowers the squared error most, beside those before it. Of "
            "coordinates, 17+ and 17- are what coordinate 17 is beyond one standard deviation "
            "above and below its mean. Of the sequence, G-1 is glycine one residue before, G% its "
            "share within ± 10, n<=20 the first and c<=20 the last 20 residues.",
        ),
        *PROBE_SCORES,
        *SUPPORT,
        Column(
            "always_on_f1",
            "number",
            "0 to 1",
            "F1 on the test set of calling every residue, 2 base_rate / (1 + base_rate).",
        ),
        Column(
            "probe_f1",
            "number",
            "0 to 1",
            "F1 of the linear probe of all coordinates of the layer (`probes`) on the test set.",
        ),
        Column(
            "share_of_probe",
            "number",
            "any",
            "Ratio of gains over calling every residue, "
            "(f1 - always_on_f1) / (probe_f1 - always_on_f1). Above 1 where k detectors do better "
            "than the linear probe, which they can: features and neurons are not linear in the "
            "coordinates. Empty unless f1_low of the linear probe is above always_on_f1. It has no "
            "interval: compare those of f1.",
            True,
        ),
        Column(
            "is_fewest",
            "integer",
            "0 or 1",
            "1 for the smallest k whose F1 on the validation set, above that of calling every "
            "residue, is at least 90 % of the linear probe's. A concept without such a row needs "
            "more detectors of this set than were tried. Empty where share_of_probe is: the linear "
            "probe itself does not surely tell the concept.",
            True,
        ),
        Column(
            "best_baseline",
            "text",
            "name",
            "For an SAE: of coordinates, principal components, neurons, the sequence and frozen "
            "SAEs, the set with the highest F1 on the test set. Each is represented by its probe "
            "with at most k detectors that has the highest F1 on the validation set.",
            True,
        ),
        Column("best_baseline_f1", "number", "0 to 1", "F1 of that probe on the test set.", True),
        F1_DIFFERENCE,
        Column(
            "f1_difference_low",
            "number",
            "-1 to 1",
            "Lower bound of its 95 % confidence interval over homology clusters, of these probes "
            "as they were fitted. As the best baseline is the luckiest of several, the interval "
            "lies low. Empty if fewer than 10 test clusters have the concept.",
            True,
        ),
        F1_DIFFERENCE_HIGH,
        Column(
            "verdict_p_value",
            "number",
            "0 to 1",
            "One-sided p-value for f1 above best_baseline_f1. Empty if there is no verdict. Below "
            "is tested against each baseline by itself, times their number.",
            True,
        ),
        Column(
            "verdict_q_value",
            "number",
            "0 to 1",
            "`verdict_p_value` adjusted for all concepts of the same layer, SAE and k "
            "(Benjamini-Hochberg).",
            True,
        ),
        Column(
            "verdict",
            "text",
            "above, below or undecided",
            "Whether f1 is above or below best_baseline_f1, at a false discovery rate of 5 % for "
            "each direction. Empty if fewer than 10 test clusters have the concept, or the better "
            "of the two is not surely above always_on_f1 (its f1_low).",
            True,
        ),
    ),
)
