"""Tables of what features, probes and rules detect, and of the SAEs' evaluation.

With `protsae.schema.protein_tables` and `protsae.schema.training_table` the one list that writers
are checked against. The column lists in docs/tables.md are generated from it
(`protsae.schema.markdown`).
"""

from dataclasses import replace

from protsae.schema.evaluation_tables import EVALUATION, LAYER, MODEL, VARIANT
from protsae.schema.protein_tables import ANNOTATIONS, PROTEINS, RELATIVES
from protsae.schema.table import Column, Table
from protsae.schema.training_table import TRAINING

_FEATURE = Column("feature", "integer", "0 to n_features - 1", "Index of the feature in the SAE.")
_IDENTITY = (MODEL, LAYER, VARIANT, _FEATURE)

_F1_LOW = Column(
    "f1_low",
    "number",
    "0 to 1",
    "Lower bound of the 95 % confidence interval of f1 over homology clusters. Empty if fewer than "
    "10 test clusters have the concept.",
    True,
)
_F1_HIGH = replace(
    _F1_LOW, name="f1_high", meaning="Upper bound of the same interval; empty in the same cases."
)
_AUROC_LOW = Column(
    "auroc_low",
    "number",
    "0 to 1",
    "Lower bound of the 95 % confidence interval of auroc over homology clusters. Empty if fewer "
    "than 10 test clusters have the concept.",
    True,
)
_AUROC_HIGH = replace(
    _AUROC_LOW,
    name="auroc_high",
    meaning="Upper bound of the same interval; empty in the same cases.",
)
_BASE_RATE = Column(
    "base_rate",
    "number",
    "0 to 1",
    "Share of the test residues that have the concept.",
)
_N_RESIDUES = Column("n_residues", "integer", "≥ 0", "Number of test residues with the concept.")
_N_CLUSTERS = Column(
    "n_clusters",
    "integer",
    "≥ 0",
    "Number of test homology clusters in which at least one residue has the concept.",
)

_PAIR = (
    Column(
        "quantile",
        "number",
        "0 to 1",
        "Quantile of the detector's positive activations on the training set that serves as the "
        "threshold. 0 stands for the threshold 0.",
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
        "Share of the test residues with the detector on that have the concept, tp / (tp + fp).",
    ),
    Column(
        "recall",
        "number",
        "0 to 1",
        "Share of the test residues with the concept at which the detector is on, tp / (tp + fn).",
    ),
    Column(
        "false_positive_rate",
        "number",
        "0 to 1",
        "Share of the test residues without the concept at which the detector is on, "
        "fp / (fp + tn).",
    ),
    Column(
        "f1",
        "number",
        "0 to 1",
        "F1 on the test set, 2 tp / (2 tp + fp + fn): the harmonic mean of precision and recall.",
    ),
    _F1_LOW,
    _F1_HIGH,
    _BASE_RATE,
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
        "or more. Equals recall for concepts without instances.",
    ),
    Column(
        "domain_f1",
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
        "has a higher activation than a residue without it. 0.5 is chance.",
        True,
    ),
    _AUROC_LOW,
    _AUROC_HIGH,
    Column(
        "position_matched_auroc",
        "number",
        "0 to 1",
        "AUROC over pairs of residues at the same distance from preferred_end. A detector that "
        "only knows this distance scores 0.5. Empty without a preferred end.",
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
        "otherwise `residue`. The rotation null cannot test the former.",
    ),
    Column("null_f1", "number", "0 to 1", "F1 expected under the rotation null.", True),
    Column("position_null_f1", "number", "0 to 1", "F1 expected under the position null.", True),
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
        "False discovery rate at which the pair is called (Benjamini-Hochberg). Of the pairs with "
        "q ≤ 0.05, about 5 % are expected to be false.",
        True,
    ),
    Column(
        "family_p_value",
        "number",
        "0 to 1",
        "P-value of the family null. A small value shows that the detector knows more than what "
        "all proteins of a homology cluster share.",
        True,
    ),
    _N_CLUSTERS,
    Column(
        "effective_clusters",
        "number",
        "≥ 0",
        "Effective number of these clusters, (Σ w)² / Σ w² (Kish), where w is the number of "
        "residues with the concept in a cluster.",
    ),
)

_SCALES = {
    "hydropathy": "hydropathy (Kyte-Doolittle)",
    "charge": "side-chain charge at pH 7",
    "volume": "residue volume",
    "flexibility": "flexibility (normalised B-values)",
    "position": "relative position in the chain",
    "n_distance": "the distance to the N-terminus, at most 50",
    "c_distance": "the distance to the C-terminus, at most 50",
}
_CORRELATIONS = tuple(
    Column(f"{name}_{suffix}", "number", "-1 to 1", f"{kind} with {scale} on the test set.", True)
    for name, scale in _SCALES.items()
    for suffix, kind in (
        ("r", "Pearson correlation of the activation"),
        ("rho", "Spearman correlation of the activation"),
    )
)
_DEFINED = Column(
    "defined_by_sequence",
    "integer",
    "0 or 1",
    "1 if the sequence defines the concept, so that a rule finds it exactly and a detector of it "
    "is no biological finding; otherwise 0.",
)
_RULE = (
    Column(
        "rule",
        "text",
        "words",
        "Simplest rule on the sequence that is nearly as good as the best one (see rules.parquet).",
    ),
    Column("rule_f1", "number", "0 to 1", "F1 of that rule on the test set."),
)
_OF_RULES = (_DEFINED, *_RULE)

FEATURES = Table(
    "features",
    9,
    "one row per feature, sorted by model (onehot first), layer, variant and feature",
    ("model", "layer", "variant", "feature"),
    (
        *_IDENTITY,
        Column(
            "density",
            "number",
            "0 to 1",
            "Share of the test residues at which the feature is active.",
        ),
        Column(
            "mean_activation",
            "number",
            "≥ 0",
            "Mean activation over the test residues at which the feature is active.",
        ),
        Column("max_activation", "number", "≥ 0", "Largest activation on the test set."),
        Column(
            "encoder_decoder_cosine",
            "number",
            "-1 to 1",
            "Cosine similarity between the encoder and decoder vectors of the feature. If it is "
            "low, the feature reads one direction and writes another.",
            empty=True,
        ),
        Column(
            "kind",
            "text",
            "see Kinds",
            "Activation pattern of the feature along proteins, found without annotations.",
        ),
        Column(
            "prevalence",
            "number",
            "0 to 1",
            "Share of the test proteins in which the feature exceeds its pattern threshold (see "
            "Kinds).",
        ),
        Column(
            "active_share",
            "number",
            "0 to 1",
            "Share of the residues of these proteins at which it exceeds that threshold.",
        ),
        Column(
            "run_length",
            "number",
            "residues ≥ 1",
            "N50 of the lengths of active segments: segments of at most this length hold half of "
            "the residues above the pattern threshold.",
            True,
        ),
        Column(
            "spacing",
            "number",
            "residues ≥ 1",
            "Median distance between the starts of consecutive active segments, in proteins with "
            "three segments or more.",
            True,
        ),
        Column(
            "activation_clusters",
            "number",
            "≥ 0",
            "Effective number of test homology clusters that share the activation, (Σ w)² / Σ w², "
            "where w is the summed activation in a cluster.",
        ),
        Column(
            "property",
            "text",
            "see Concepts",
            "Best concept of the feature, chosen on the validation set (see How the concept is "
            "chosen). Empty if it has none.",
            True,
        ),
        Column("property_type", "text", "see Concepts", "Type of that concept.", empty=True),
        *(replace(column, empty=True) for column in _PAIR),
        replace(_N_RESIDUES, empty=True),
        Column(
            "neuron",
            "integer",
            "≥ 0",
            "Index of the neuron that detects the concept best on the validation set.",
            True,
        ),
        Column(
            "neuron_sign",
            "integer",
            "1 or -1",
            "1 if values of that neuron above its training mean count as activation, -1 if values "
            "below it do.",
            True,
        ),
        Column("neuron_f1", "number", "0 to 1", "F1 of that neuron on the test set.", True),
        Column(
            "pca_f1",
            "number",
            "0 to 1",
            "Test F1 of the layer's best principal component for the concept.",
            True,
        ),
        Column(
            "random_f1",
            "number",
            "0 to 1",
            "Test F1 of the best detector of the layer's random dictionary for the concept.",
            True,
        ),
        Column(
            "onehot_f1",
            "number",
            "0 to 1",
            "Test F1 of the best detector on one-hot sequences for the concept.",
            True,
        ),
        Column(
            "untrained_f1",
            "number",
            "0 to 1",
            "Test F1 of the best detector on any layer of the permuted model for the concept.",
            True,
        ),
        *(replace(column, empty=True) for column in _OF_RULES),
        Column(
            "window_f1",
            "number",
            "0 to 1",
            "Test F1 of the window reference: a probe of the BLOSUM62 scores around a residue.",
            True,
        ),
        Column(
            "homology_f1",
            "number",
            "0 to 1",
            "Test F1 of the homology reference: annotations transferred from training proteins.",
            True,
        ),
        Column(
            "probe_f1",
            "number",
            "0 to 1",
            "Test F1 of the probe reference: a supervised linear probe of the layer.",
            True,
        ),
        Column(
            "f1_without_relatives",
            "number",
            "0 to 1",
            "Test F1 without the clusters in which a protein has a relative in the training set "
            "(relatives.tsv).",
            True,
        ),
        Column(
            "best_baseline",
            "text",
            "name",
            "Baseline with the highest F1 on the test set: neuron, principal component, random "
            "dictionary, one-hot sequence, permuted model, rule or always on.",
            True,
        ),
        Column(
            "best_baseline_f1", "number", "0 to 1", "F1 of that baseline on the test set.", True
        ),
        Column("f1_difference", "number", "-1 to 1", "Difference f1 - best_baseline_f1.", True),
        Column(
            "f1_difference_low",
            "number",
            "-1 to 1",
            "Lower bound of the 95 % confidence interval of f1_difference over homology clusters. "
            "Empty if fewer than 10 test clusters have the concept.",
            True,
        ),
        Column(
            "f1_difference_high",
            "number",
            "-1 to 1",
            "Upper bound of the same interval; empty in the same cases.",
            True,
        ),
        Column(
            "verdict_p_value",
            "number",
            "0 to 1",
            "One-sided p-value of the hypothesis that the feature is not better than its best "
            "baseline. Empty where there is no verdict.",
            True,
        ),
        Column(
            "verdict_q_value",
            "number",
            "0 to 1",
            "False discovery rate that belongs to verdict_p_value (Benjamini-Hochberg).",
            True,
        ),
        Column(
            "verdict",
            "text",
            "above, below or undecided",
            "Whether f1 is above or below the F1 of the best baseline, at a false discovery rate "
            "of 5 % for each direction. Empty if q_value is above 0.05 or fewer than 10 test "
            "clusters have the concept.",
            True,
        ),
        *_CORRELATIONS,
        Column(
            "top_proteins",
            "text",
            "accessions",
            "Proteins of all splits with the highest activations, highest first, separated by "
            "commas.",
            True,
        ),
    ),
)

_OF_BASELINES = (
    *(
        "f1_without_relatives",
        "best_baseline",
        "best_baseline_f1",
        "f1_difference",
        "f1_difference_low",
    ),
    *("f1_difference_high", "verdict_p_value", "verdict_q_value", "verdict"),
    *("neuron", "neuron_sign", "neuron_f1", "pca_f1", "random_f1", "onehot_f1"),
    *("untrained_f1", *(c.name for c in _OF_RULES), "window_f1", "homology_f1", "probe_f1"),
)
LAYER_FEATURES = replace(
    FEATURES, columns=tuple(c for c in FEATURES.columns if c.name not in _OF_BASELINES)
)
"""What `annotate` writes for one layer; baselines are joined to it by `tables`."""

_DETECTORS = Column(
    "variant",
    "text",
    "name",
    "Set of detectors: the name of an SAE, or `neurons`, `pca` or `random` (see Baselines).",
)
_DETECTOR = Column(
    "feature", "integer", "≥ 0", "Index of the detector in its set; for an SAE, of the feature."
)
_CONCEPT = (
    Column("property", "text", "see Concepts", "Concept that is scored."),
    Column("property_type", "text", "see Concepts", "Type of that concept."),
)

ASSOCIATIONS = Table(
    "associations",
    6,
    "one row per pair kept, sorted by model (onehot first), layer, variant, feature and "
    "decreasing valid_f1",
    ("model", "layer", "variant", "feature", "property"),
    (
        MODEL,
        LAYER,
        _DETECTORS,
        _DETECTOR,
        *_CONCEPT,
        Column("valid_precision", "number", "0 to 1", "Precision on the validation set."),
        Column("valid_recall", "number", "0 to 1", "Recall on the validation set."),
        *_PAIR,
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
        *_OF_RULES,
    ),
)
LAYER_ASSOCIATIONS = replace(
    ASSOCIATIONS, columns=tuple(c for c in ASSOCIATIONS.columns if c not in _OF_RULES)
)
"""What `annotate` writes for one layer; rules are joined to it by `tables`."""

DETECTORS = Table(
    "detectors",
    2,
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
            "Number of detectors in the set. A neuron or principal component is two detectors, one "
            "for each sign.",
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
            "Lower bound of the 95 % bootstrap interval of n_capturing over homology clusters.",
        ),
        Column("n_capturing_high", "number", "≥ 0", "Upper bound of the same interval."),
        Column(
            "properties_significant",
            "integer",
            "≥ 0",
            "Number of concepts with at least one detector at q ≤ 0.05, not counting those that "
            "the sequence defines.",
        ),
        Column(
            "properties_significant_low",
            "integer",
            "≥ 0",
            "95 % lower confidence bound on the number of these concepts with at least one true "
            "association.",
        ),
        Column(
            "properties_captured",
            "integer",
            "≥ 0",
            "Number of concepts captured by their best detector, chosen on the validation set.",
        ),
        Column(
            "properties_captured_low",
            "number",
            "≥ 0",
            "Lower bound of the 95 % bootstrap interval of properties_captured over homology "
            "clusters.",
        ),
        Column("properties_captured_high", "number", "≥ 0", "Upper bound of the same interval."),
        Column(
            "properties_per_detector",
            "number",
            "≥ 0",
            "Mean number of these concepts per detector that has any.",
        ),
    ),
)

CLUSTER_COUNTS = Table(
    "cluster_counts",
    1,
    "one row per detector and test homology cluster in which it is on: every feature at its best "
    "concept, every concept's best detector",
    ("model", "layer", "variant", "feature", "property", "cluster"),
    (
        MODEL,
        LAYER,
        _DETECTORS,
        _DETECTOR,
        Column(
            "property", "text", "see Concepts", "Concept at whose threshold the detector is on."
        ),
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

CANDIDATES = Table(
    "candidates",
    1,
    "one row per active segment that may lack an annotation, sorted by variant and rank",
    ("model", "layer", "variant", "rank"),
    (
        *_IDENTITY,
        Column("rank", "integer", "≥ 1", "Rank within the SAE; 1 has the highest probability."),
        Column("accession", "text", "UniProt", "Test protein that may lack the annotation."),
        Column("start", "integer", "≥ 1", "First residue of the active segment, 1-based."),
        Column("end", "integer", "≥ start", "Last residue of the active segment, inclusive."),
        Column(
            "property",
            "text",
            "see Concepts",
            "Concept that may be missing: the entry has no annotated instance of it within 5 "
            "residues.",
        ),
        Column(
            "peak",
            "integer",
            "≥ 1",
            "Position of the highest activation in the segment, 1-based.",
        ),
        Column("activation", "number", "> 0", "Activation at the peak."),
        Column(
            "quantile",
            "number",
            "0 to 1",
            "Share of the feature's positive activations on the training set that are no higher "
            "than the peak.",
        ),
        Column(
            "probability",
            "number",
            "0.5 to 1",
            "Smoothed share of the validation segments with a peak this high that are at an "
            "annotated instance.",
        ),
    ),
)

RECOVERY = Table(
    "recovery",
    1,
    "one row per concept searched for, with a fifth of its instances hidden",
    ("model", "layer", "variant", "property"),
    (
        MODEL,
        LAYER,
        VARIANT,
        Column("property", "text", "see Concepts", "Concept that is searched for."),
        Column("n_instances", "integer", "≥ 0", "Number of annotated instances in the test set."),
        Column("n_hidden", "integer", "≥ 0", "Number of these instances that were hidden."),
        Column(
            "n_found",
            "integer",
            "≥ 0",
            "Number of hidden instances with a candidate within 5 residues.",
        ),
        Column("found_share", "number", "0 to 1", "Share of hidden instances, n_found / n_hidden."),
        Column(
            "n_found_first",
            "integer",
            "≥ 0",
            "Number of hidden instances found by the first n_hidden candidates of the concept. A "
            "perfect ranking would find all of them.",
        ),
        Column(
            "n_candidates",
            "integer",
            "≥ 0",
            "Number of candidates for the concept, whatever their probability.",
        ),
        Column(
            "median_rank",
            "number",
            "≥ 1",
            "Median rank of the candidates that first find a hidden instance, among the candidates "
            "for the concept.",
            True,
        ),
    ),
)

RELIABILITY = Table(
    "reliability",
    1,
    "one row per SAE and bin of probability, with a fifth of the instances hidden",
    ("model", "layer", "variant", "p_from"),
    (
        MODEL,
        LAYER,
        VARIANT,
        Column("p_from", "number", "0 to 1", "Lower end of the bin of probability."),
        Column("p_to", "number", "0 to 1", "Upper end of the bin."),
        Column("n_candidates", "integer", "≥ 1", "Number of candidates in the bin."),
        Column(
            "n_hidden",
            "integer",
            "≥ 0",
            "Number of these candidates that are at a hidden instance.",
        ),
        Column("probability", "number", "0 to 1", "Mean probability of these candidates."),
        Column(
            "expected_share",
            "number",
            "0 to 1",
            "Share of these candidates that is predicted to be at a hidden instance.",
        ),
        Column("observed_share", "number", "0 to 1", "Actual share, n_hidden / n_candidates."),
    ),
)

INTERPLM = Table(
    "interplm",
    2,
    "one row per pair that InterPLM's rule calls, if `annotate.interplm` is set",
    ("model", "layer", "variant", "feature", "concept"),
    (
        *_IDENTITY,
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


SUMMARY = Table(
    "summary",
    5,
    "one row per SAE, sorted by model (onehot first), layer and variant",
    ("model", "layer", "variant"),
    (
        *EVALUATION.columns,
        Column(
            "features_with_property",
            "integer",
            "≥ 0",
            "Number of features that capture their best concept.",
        ),
        Column(
            "features_significant",
            "integer",
            "≥ 0",
            "Number of features whose best concept has q ≤ 0.05.",
        ),
        Column(
            "features_above_baselines",
            "integer",
            "≥ 0",
            "Number of features with the verdict `above`, without those whose concept the sequence "
            "defines.",
        ),
        Column(
            "features_above_lookup",
            "integer",
            "≥ 0",
            "Number of these features whose f1_low also exceeds window_f1 and homology_f1.",
        ),
        Column(
            "features_defined_by_sequence",
            "integer",
            "≥ 0",
            "Number of features with q ≤ 0.05 whose concept the sequence defines. They are no "
            "biological findings.",
        ),
    ),
)


_HELD_OUT = (
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
    _F1_LOW,
    _F1_HIGH,
)
_SUPPORT = (_BASE_RATE, _N_RESIDUES, _N_CLUSTERS)

PROBES = Table(
    "probes",
    3,
    "one row per concept",
    ("model", "layer", "property"),
    (
        MODEL,
        LAYER,
        *_CONCEPT,
        Column("penalty", "number", "> 0", "L2 penalty, chosen on the validation set."),
        Column(
            "threshold",
            "number",
            "log odds",
            "Logit at or above which the probe is on, chosen on the validation set.",
        ),
        *_HELD_OUT,
        Column("auroc", "number", "0 to 1", "Area under the ROC curve on the test set.", True),
        _AUROC_LOW,
        _AUROC_HIGH,
        Column("average_precision", "number", "0 to 1", "Average precision on the test set.", True),
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
        *_SUPPORT,
    ),
)

LOOKUP = Table(
    "lookup",
    2,
    "one row per method and concept",
    ("method", "property"),
    (
        Column(
            "method",
            "text",
            "blosum_window, homology",
            "Reference that predicts the concept: the window reference or the homology reference.",
        ),
        *_CONCEPT,
        *_HELD_OUT,
        *_SUPPORT,
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
    2,
    "one row per concept: the best rule on the sequence that needs no model",
    ("property",),
    (
        *_CONCEPT,
        _DEFINED,
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
        _F1_LOW,
        _F1_HIGH,
        *_SUPPORT,
    ),
)

RULE_COUNTS = Table(
    "rule_counts",
    1,
    "one row per concept and test homology cluster with a residue whose label is known",
    ("property", "cluster"),
    (
        _CONCEPT[0],
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

BASE_RATES = Table(
    "base_rates",
    1,
    "one row per concept, in the order of Concepts",
    ("concept",),
    (
        Column("concept", "text", "see Concepts", "Name of the concept."),
        Column("concept_type", "text", "see Concepts", "Type of the concept."),
        Column(
            "base_rate",
            "number",
            "0 to 1",
            "Share of the residues that have the concept, n_residues / n_known.",
        ),
        Column("n_residues", "integer", "≥ 0", "Number of residues with the concept."),
        Column("n_known", "integer", "≥ 1", "Number of residues whose label is known."),
        Column("n_proteins", "integer", "≥ 0", "Number of proteins with the concept."),
    ),
)

_COUNTS = {
    "residues": "Number of {set} residues with the concept.",
    "known": "Number of {set} residues whose label is known.",
    "instances": "Number of annotated instances in the {set} set. Empty for concepts without any.",
    "proteins": "Number of {set} proteins with the concept.",
    "clusters": "Number of {set} homology clusters with the concept.",
}
_SETS = {"train": "training", "valid": "validation", "test": "test"}

PROPERTIES = Table(
    "properties",
    1,
    "one row per concept of the input, scored or not",
    ("property",),
    (
        Column(
            "property",
            "text",
            "see Concepts",
            "Name of the concept, or a UniProt feature type that yields none.",
        ),
        Column("property_type", "text", "see Concepts", "Type of that concept."),
        Column(
            "left_out", "text", "words", "Reason why it is not scored. Empty if it is scored.", True
        ),
        *(
            Column(f"{split}_{name}", "integer", "≥ 0", meaning.format(set=of_set), True)
            for split, of_set in _SETS.items()
            for name, meaning in _COUNTS.items()
        ),
    ),
)

EXAMPLES = Table(
    "examples",
    1,
    "one row per feature and example protein",
    ("model", "layer", "variant", "feature", "rank"),
    (
        *_IDENTITY,
        Column("rank", "integer", "≥ 1", "Rank of the protein; 1 has the highest activation."),
        Column("accession", "text", "UniProt", "Protein with the example."),
        Column("peak", "integer", "≥ 1", "Position of the highest activation, 1-based."),
        Column("start", "integer", "≥ 1", "First residue of the window shown, 1-based."),
        Column("end", "integer", "≥ start", "Last residue of the window shown, inclusive."),
        Column("max_activation", "number", "> 0", "Activation at the peak."),
        Column(
            "activations",
            "list of numbers",
            "≥ 0",
            "Activation of each residue from start to end.",
        ),
    ),
)

SCALING = Table(
    "scaling",
    1,
    "one row per model, layer, architecture, fitted column and parameter",
    ("model", "layer", "architecture", "y", "parameter"),
    (
        MODEL,
        LAYER,
        Column("architecture", "text", "name", "Architecture of the SAEs, such as `topk`."),
        Column("y", "text", "fvu, dead_fraction", "Column of summary.tsv that is fitted."),
        Column(
            "parameter",
            "text",
            "name",
            "Parameter of the fit: `floor`, `scale`, or the variable that an exponent belongs to.",
        ),
        Column("value", "number", "any", "Fitted value of the parameter."),
        Column(
            "low",
            "number",
            "any",
            "Lower bound of its 95 % interval, from resampled residuals.",
        ),
        Column("high", "number", "any", "Upper bound of the same interval."),
        Column("n_saes", "integer", "≥ 4", "Number of SAEs in the fit."),
        Column("r_squared", "number", "≤ 1", "Share of the variance of log y that is explained."),
    ),
)

EVERY = (
    FEATURES,
    ASSOCIATIONS,
    DETECTORS,
    CANDIDATES,
    RECOVERY,
    RELIABILITY,
    INTERPLM,
    SUMMARY,
    PROBES,
    LOOKUP,
    RULES,
    RULE_COUNTS,
    CLUSTER_COUNTS,
    BASE_RATES,
    PROPERTIES,
    EXAMPLES,
    TRAINING,
    PROTEINS,
    RELATIVES,
    ANNOTATIONS,
    SCALING,
)
