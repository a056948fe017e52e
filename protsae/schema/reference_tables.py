"""Tables of the references: probes, the sequence window, homologues, rules."""

from protsae.schema.shared_columns import (
    AUROC_HIGH,
    AUROC_LOW,
    BASE_RATE,
    CONCEPT,
    DEFINED,
    F1_HIGH,
    F1_LOW,
    LAYER,
    MODEL,
    N_CLUSTERS,
    N_RESIDUES,
)
from protsae.schema.table import Column, Table

HELD_OUT = (
    Column(
        "valid_f1",
        "number",
        "0 to 1",
        "F1 on the validation set. It is optimistic where a penalty and a threshold were chosen on "
        "the same proteins.",
    ),
    Column("precision", "number", "0 to 1", "Precision on the test set, tp / (tp + fp)."),
    Column("recall", "number", "0 to 1", "Recall on the test set, tp / (tp + fn)."),
    Column("f1", "number", "0 to 1", "F1 on the test set, 2 tp / (2 tp + fp + fn)."),
    F1_LOW,
    F1_HIGH,
)

PROBE_SCORES = (
    Column(
        "threshold",
        "number",
        "log odds",
        "Logit at or above which the probe is on, chosen on the validation set.",
    ),
    *HELD_OUT,
    Column("auroc", "number", "0 to 1", "Area under the ROC curve on the test set.", True),
    AUROC_LOW,
    AUROC_HIGH,
    Column("average_precision", "number", "0 to 1", "Average precision on the test set.", True),
)
"""Of a probe, and what it scores."""

SUPPORT = (BASE_RATE, N_RESIDUES, N_CLUSTERS)

PROBES = Table(
    "probes",
    4,
    "one row per concept",
    ("model", "layer", "concept"),
    (
        MODEL,
        LAYER,
        *CONCEPT,
        Column("penalty", "number", "> 0", "L2 penalty, chosen on the validation set."),
        *PROBE_SCORES,
        Column(
            "control_f1",
            "number",
            "0 to 1",
            "Test F1 of a probe that was trained on the control task of the concept.",
        ),
        Column("control_auroc", "number", "0 to 1", "Test AUROC of that probe.", True),
        Column(
            "selectivity",
            "number",
            "-1 to 1",
            "Difference f1 - control_f1: how much of f1 is more than memorisation or chance.",
        ),
        Column("auroc_selectivity", "number", "-1 to 1", "Difference auroc - control_auroc.", True),
        *SUPPORT,
    ),
)

REFERENCES = Table(
    "references",
    3,
    "one row per method and concept",
    ("method", "concept"),
    (
        Column(
            "method",
            "text",
            "blosum_window, homology",
            "Reference that predicts the concept: the window reference or the homology reference.",
        ),
        *CONCEPT,
        *HELD_OUT,
        *SUPPORT,
        Column(
            "n_covered",
            "integer",
            "≥ 0",
            "Number of test residues for which the method makes a prediction.",
        ),
    ),
)

RULES = Table(
    "rules",
    3,
    "one row per concept: the best rule on the sequence that needs no model",
    ("concept",),
    (
        *CONCEPT,
        DEFINED,
        Column(
            "rule",
            "text",
            "words",
            "Chosen rule: the simplest one whose F1 is within one standard error of the best.",
        ),
        Column(
            "rule_parameters",
            "integer",
            "0 to 3",
            "Number of parameters of the rule (bounds, letters, patterns and cut points).",
        ),
        Column(
            "library_rules",
            "integer",
            "≥ 1",
            "Number of rules in the library. All of them are tried for every concept.",
        ),
        Column(
            "fit_f1",
            "number",
            "0 to 1",
            "F1 of the chosen rule on the training and validation sets together.",
        ),
        Column(
            "best_rule",
            "text",
            "words",
            "Rule with the highest F1 on the training and validation sets together.",
        ),
        Column(
            "best_fit_f1",
            "number",
            "0 to 1",
            "F1 of best_rule there. It is optimistic, being the highest of all rules tried.",
        ),
        Column(
            "best_fit_error",
            "number",
            "≥ 0",
            "Standard error of best_fit_f1 over homology clusters. Empty for a single cluster.",
            True,
        ),
        Column(
            "precision",
            "number",
            "0 to 1",
            "Precision of the chosen rule on the test set, tp / (tp + fp).",
        ),
        Column(
            "recall",
            "number",
            "0 to 1",
            "Recall of the chosen rule on the test set, tp / (tp + fn).",
        ),
        Column(
            "f1",
            "number",
            "0 to 1",
            "F1 of the chosen rule on the test set, 2 tp / (2 tp + fp + fn).",
        ),
        F1_LOW,
        F1_HIGH,
        *SUPPORT,
    ),
)

RULE_COUNTS = Table(
    "rule_counts",
    2,
    "one row per concept and test homology cluster with a residue whose label is known",
    ("concept", "cluster"),
    (
        CONCEPT[0],
        Column("cluster", "text", "accession", "Homology cluster, as in proteins.parquet."),
        Column(
            "tp",
            "integer",
            "≥ 0",
            "Residues of the cluster at which the rule is on and that have the concept.",
        ),
        Column("on", "integer", "≥ 0", "Residues of the cluster at which the rule is on."),
        Column("positives", "integer", "≥ 0", "Residues of the cluster that have the concept."),
        Column("known", "integer", "≥ 1", "Residues of the cluster whose label is known."),
    ),
)
