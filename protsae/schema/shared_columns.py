"""Columns that several tables share."""

from dataclasses import replace

from protsae.schema.table import Column

MODEL = Column(
    "model",
    "text",
    "name",
    "Model that the layer activations come from. `onehot` stands for one-hot sequences, a name "
    "that ends in `-permuted` for a permuted model. A name that ends in `-attention`, `-mlp_out` "
    "or `-mlp_hidden` stands for that site inside of the model's blocks.",
)
LAYER = Column(
    "layer",
    "integer",
    "≥ 0",
    "Layer in fair-esm's numbering: 0 is the embedding, i the output of block i; the last one is "
    "taken after the final layer norm.",
)
VARIANT = Column(
    "variant", "text", "name", "Name of the SAE: its key under `train` in config.yaml."
)

FREEZE = Column(
    "freeze",
    "text",
    "none, decoder, encoder, soft",
    "What of the SAE did not learn: `none` of it, its `decoder` or its `encoder`; `soft`: its "
    "decoder vectors keep a cosine of 0.8 or more with the random vectors that they were at first. "
    "If it is not `none`, the SAE is a baseline of the others.",
)

FEATURE = Column("feature", "integer", "0 to n_features - 1", "Index of the feature in the SAE.")

IDENTITY = (MODEL, LAYER, VARIANT, FEATURE)

F1_LOW = Column(
    "f1_low",
    "number",
    "0 to 1",
    "Lower bound of the 95 % confidence interval of f1 over homology clusters. Empty if fewer than "
    "10 test clusters have the concept.",
    True,
)

F1_HIGH = replace(
    F1_LOW, name="f1_high", meaning="Upper bound of the same interval; empty in the same cases."
)

F1_DIFFERENCE = Column(
    "f1_difference", "number", "-1 to 1", "Difference f1 - best_baseline_f1.", True
)

F1_DIFFERENCE_HIGH = replace(
    F1_DIFFERENCE,
    name="f1_difference_high",
    meaning="Upper bound of the same interval; empty in the same cases.",
)

AUROC_LOW = Column(
    "auroc_low",
    "number",
    "0 to 1",
    "Lower bound of the 95 % confidence interval of auroc over homology clusters. Empty if fewer "
    "than 10 test clusters have the concept.",
    True,
)

AUROC_HIGH = replace(
    AUROC_LOW,
    name="auroc_high",
    meaning="Upper bound of the same interval; empty in the same cases.",
)

BASE_RATE = Column(
    "base_rate",
    "number",
    "0 to 1",
    "Of the test residues whose label is known, the share that have the concept. Being always on "
    "has the F1 2 base_rate / (1 + base_rate).",
)

N_RESIDUES = Column("n_residues", "integer", "≥ 0", "Number of test residues with the concept.")

N_CLUSTERS = Column(
    "n_clusters",
    "integer",
    "≥ 0",
    "Number of test homology clusters in which at least one residue has the concept.",
)

PAIR = (
    Column(
        "quantile",
        "number",
        "0 to 1",
        "Quantile of the detector's positive activations on the training set that serves as the "
        "threshold. 0 means that any activity counts: the threshold is 0.",
    ),
    Column(
        "threshold",
        "number",
        "≥ 0",
        "Activation above which the detector is on. Of the thresholds tried, it has the highest F1 "
        "on the validation set.",
    ),
    Column(
        "valid_f1",
        "number",
        "0 to 1",
        "F1 on the validation set at that threshold. It is optimistic, because the threshold was "
        "chosen on the same proteins.",
    ),
    Column(
        "precision",
        "number",
        "0 to 1",
        "Of the test residues at which the detector is on, the share that have the concept, "
        "tp / (tp + fp).",
    ),
    Column(
        "recall",
        "number",
        "0 to 1",
        "Of the test residues that have the concept, the share at which the detector is on, "
        "tp / (tp + fn).",
    ),
    Column(
        "false_positive_rate",
        "number",
        "0 to 1",
        "Of the test residues that do not have the concept, the share at which the detector is on, "
        "fp / (fp + tn).",
    ),
    Column(
        "f1",
        "number",
        "0 to 1",
        "F1 on the test set, 2 tp / (2 tp + fp + fn): the harmonic mean of precision and recall.",
    ),
    F1_LOW,
    F1_HIGH,
    BASE_RATE,
    Column(
        "reference_base_rate",
        "number",
        "0 to 1",
        "Base rate of the concept in the proteins of `annotate.reference_rates`. Empty if that "
        "file does not have the concept.",
        True,
    ),
    Column(
        "f1_at_reference_rate",
        "number",
        "0 to 1",
        "F1 predicted for reference_base_rate, from recall and false_positive_rate (see Scores on "
        "other proteins).",
        True,
    ),
    Column(
        "instance_recall",
        "number",
        "0 to 1",
        "Share of the annotated instances in the test set that have the detector on at one residue "
        "or more. Each end of a disulfide bond is an instance. Equals recall for concepts without "
        "instances.",
    ),
    Column(
        "instance_f1",
        "number",
        "0 to 1",
        "Harmonic mean of precision, counted by residue, and instance_recall.",
    ),
    Column(
        "average_precision",
        "number",
        "0 to 1",
        "Average precision on the test set: the area under the precision-recall curve, without "
        "interpolation.",
        True,
    ),
    Column(
        "auroc",
        "number",
        "0 to 1",
        "Area under the ROC curve on the test set: the probability that a residue with the concept "
        "has a higher activation than a residue without it; equal activations, mostly zeros, count "
        "half. 0.5 is chance.",
        True,
    ),
    AUROC_LOW,
    AUROC_HIGH,
    Column(
        "position_matched_auroc",
        "number",
        "0 to 1",
        "AUROC over pairs of residues at the same distance from preferred_end. A detector that "
        "only knows this distance scores 0.5. Empty without a preferred end.",
        True,
    ),
    Column(
        "position_matched_auroc_low",
        "number",
        "0 to 1",
        "Lower bound of the 95 % confidence interval of position_matched_auroc over homology "
        "clusters. If it is above 0.5, the detector knows more than this distance. Empty without a "
        "preferred end, and if fewer than 10 test clusters have the concept.",
        True,
    ),
    Column(
        "position_matched_auroc_high",
        "number",
        "0 to 1",
        "Upper bound of the same interval; empty in the same cases.",
        True,
    ),
    Column(
        "preferred_end",
        "text",
        "N-terminus, C-terminus",
        "End of the chain near which the concept is enriched in the training set. Empty if there "
        "is none.",
        True,
    ),
    Column(
        "mcc",
        "number",
        "-1 to 1",
        "Matthews correlation coefficient on the test set. 0 is chance, 1 is perfect.",
    ),
    Column(
        "lift",
        "number",
        "≥ 0",
        "Enrichment of the concept where the detector is on, precision / base_rate. 1 is chance.",
    ),
    Column(
        "concept_level",
        "text",
        "residue or protein",
        "`protein` if the concept covers at least 90 % of the median protein that has it, "
        "otherwise `residue`. The rotation null cannot test concepts of whole proteins.",
    ),
    Column(
        "rotation_null_f1",
        "number",
        "0 to 1",
        "F1 expected of a detector that knows which proteins have the concept, but not where in "
        "them.",
        True,
    ),
    Column(
        "position_null_f1",
        "number",
        "0 to 1",
        "F1 expected of a detector that knows where in proteins the concept usually is, but not "
        "which proteins have it.",
        True,
    ),
    Column(
        "rotation_p_value",
        "number",
        "0 to 1",
        "P-value of the rotation null. A small value shows that the detector knows where in a "
        "protein the concept is. Below 1e-12 it is an upper bound. Empty for concepts of whole "
        "proteins.",
        True,
    ),
    Column(
        "position_p_value",
        "number",
        "0 to 1",
        "P-value of the position null. A small value shows that the detector knows more than where "
        "in proteins the concept usually is. Below 1e-12 it is an upper bound. Empty if there are "
        "too few clusters for a test.",
        True,
    ),
    Column(
        "p_value",
        "number",
        "0 to 1",
        "P-value of the pair: the larger of rotation_p_value and position_p_value, or the latter "
        "alone for concepts of whole proteins. Empty if the position null cannot be tested.",
        True,
    ),
    Column(
        "q_value",
        "number",
        "0 to 1",
        "`p_value` adjusted for all pairs of the SAE that were tested (Benjamini-Hochberg). Of the "
        "pairs with q ≤ 0.05, about 5 % are expected to be false.",
        True,
    ),
    Column(
        "family_p_value",
        "number",
        "0 to 1",
        "P-value of the family null. A small value shows that the detector follows differences "
        "between the proteins of a homology cluster. A large one is no evidence against the pair: "
        "often there is little to permute.",
        True,
    ),
    N_CLUSTERS,
    Column(
        "effective_clusters",
        "number",
        "≥ 0",
        "Effective number of these clusters, (Σ w)² / Σ w² (Kish), where w is the number of "
        "residues with the concept in a cluster.",
    ),
)

DEFINED = Column(
    "defined_by_sequence",
    "integer",
    "0 or 1",
    "1 if the sequence defines the concept, so that a rule finds it exactly and a detector of it "
    "is no biological finding; otherwise 0.",
)

RULE = (
    Column(
        "rule",
        "text",
        "words",
        "Simplest rule on the sequence that is nearly as good as the best one (see rules.parquet).",
    ),
    Column("rule_f1", "number", "0 to 1", "F1 of that rule on the test set."),
)

OF_RULES = (DEFINED, *RULE)

CONCEPT = (
    Column("concept", "text", "see Concepts", "Concept that is scored."),
    Column("concept_type", "text", "see Concepts", "Type of that concept."),
)
