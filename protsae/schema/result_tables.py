"""Tables of what features, probes and rules detect, and of the SAEs' evaluation.

With `protsae.schema.protein_tables` and `protsae.schema.training_table` the one list that writers
are checked against and that docs/tables.md repeats word for word (``tests/test_docs_tables.py``
keeps them equal).
"""

from dataclasses import replace

from protsae.schema.evaluation_tables import EVALUATION, LAYER, MODEL, VARIANT
from protsae.schema.protein_tables import ANNOTATIONS, PROTEINS, RELATIVES
from protsae.schema.table import Column, Table
from protsae.schema.training_table import TRAINING

_FEATURE = Column("feature", "integer", "0 to n_features - 1", "index in the SAE (its column)")
_IDENTITY = (MODEL, LAYER, VARIANT, _FEATURE)

_F1_LOW = Column(
    "f1_low",
    "number",
    "0 to 1",
    "2.5 % bound of f1 over homology clusters; empty with fewer than 10 that have the concept",
    True,
)
_F1_HIGH = replace(_F1_LOW, name="f1_high", meaning="97.5 % bound of f1, likewise")

_PAIR = (
    Column("quantile", "number", "0 to 1", "of positive train activations: the threshold"),
    Column("threshold", "number", "≥ 0", "on above this activation; chosen on valid"),
    Column("valid_f1", "number", "0 to 1", "F1 on valid: the best of all, so too high"),
    Column("precision", "number", "0 to 1", "test: share of on residues with property"),
    Column("recall", "number", "0 to 1", "test: share of property residues that are on"),
    Column("false_positive_rate", "number", "0 to 1", "test: share of the other residues on"),
    Column("f1", "number", "0 to 1", "test: 2 · precision · recall / (their sum)"),
    _F1_LOW,
    _F1_HIGH,
    Column("base_rate", "number", "0 to 1", "share of test residues, where known, with it"),
    Column(
        "reference_base_rate",
        "number",
        "0 to 1",
        "share of residues with it among the proteins of annotate.reference_rates",
        True,
    ),
    Column(
        "f1_at_reference_rate",
        "number",
        "0 to 1",
        "F1 that recall and false_positive_rate give at that share, as on other proteins",
        True,
    ),
    Column("instance_recall", "number", "0 to 1", "test: share of instances with a residue on"),
    Column("domain_f1", "number", "0 to 1", "the same as f1 with instance_recall for recall"),
    Column("average_precision", "number", "0 to 1", "test: area under precision over recall", True),
    Column("auroc", "number", "0 to 1", "test: chance to rank a property residue higher", True),
    Column("auroc_low", "number", "0 to 1", "2.5 % bound of auroc over homology clusters", True),
    Column("auroc_high", "number", "0 to 1", "97.5 % bound of auroc over homology clusters", True),
    Column(
        "position_matched_auroc",
        "number",
        "0 to 1",
        "auroc among residues at the same distance from the preferred end: more than the place",
        True,
    ),
    Column(
        "preferred_end",
        "text",
        "N-terminus, C-terminus",
        "end of the chain near which the property is more often, on train, than by chance",
        True,
    ),
    Column("mcc", "number", "-1 to 1", "test: Matthews correlation of on and property"),
    Column("lift", "number", "≥ 0", "test: precision / base rate"),
    Column(
        "concept_level",
        "text",
        "residue or protein",
        "protein: the concept covers whole proteins, so only the position null tests it",
    ),
    Column("null_f1", "number", "0 to 1", "F1 expected under the rotation null", True),
    Column("position_null_f1", "number", "0 to 1", "F1 expected under the position null", True),
    Column(
        "rotation_p_value",
        "number",
        "0 to 1",
        "p of the rotation null: does the detector know where in the protein the concept is? "
        "Below 1e-12 an upper bound. Empty for concepts of whole proteins",
        True,
    ),
    Column(
        "position_p_value",
        "number",
        "0 to 1",
        "p of the position null: does it know more than where in proteins the concept usually is? "
        "Below 1e-12 an upper bound. Empty where too few clusters can tell",
        True,
    ),
    Column(
        "p_value",
        "number",
        "0 to 1",
        "the larger of the two; empty, and the pair is not called, where the position null cannot "
        "tell",
        True,
    ),
    Column("q_value", "number", "0 to 1", "false discovery rate at which the pair is called", True),
    Column(
        "family_p_value",
        "number",
        "0 to 1",
        "p of the family null: does it know more than its homology cluster shares?",
        True,
    ),
    Column("n_clusters", "integer", "≥ 0", "test homology clusters with the property"),
    Column("effective_clusters", "number", "≥ 0", "as many of equal size would tell as much"),
)

_SCALES = {
    "hydropathy": "hydropathy",
    "charge": "side-chain charge",
    "volume": "side-chain volume",
    "flexibility": "flexibility",
    "position": "place in the chain",
    "n_distance": "distance to the N-terminus, up to 50",
    "c_distance": "distance to the C-terminus, up to 50",
}
_CORRELATIONS = tuple(
    Column(f"{name}_{suffix}", "number", "-1 to 1", f"{kind} with {scale}, test", True)
    for name, scale in _SCALES.items()
    for suffix, kind in (("r", "Pearson r"), ("rho", "Spearman rho"))
)
_DEFINED = Column(
    "defined_by_sequence",
    "integer",
    "0 or 1",
    "1: a rule on the sequence gives the concept exactly, so that finding it is no biology",
)
_RULE = (
    Column("rule", "text", "words", "best rule on the sequence: see rules.parquet"),
    Column("rule_f1", "number", "0 to 1", "f1 of that rule on test"),
)
_OF_RULES = (_DEFINED, *_RULE)

FEATURES = Table(
    "features",
    9,
    "one row per feature, by model (onehot first), layer, variant, feature",
    ("model", "layer", "variant", "feature"),
    (
        *_IDENTITY,
        Column("density", "number", "0 to 1", "share of test residues on which it is active"),
        Column("mean_activation", "number", "≥ 0", "mean over the test residues where active"),
        Column("max_activation", "number", "≥ 0", "largest activation on test"),
        Column(
            "encoder_decoder_cosine",
            "number",
            "-1 to 1",
            "cosine of encoder and decoder vector; low: it detects one thing and writes another",
            empty=True,
        ),
        Column("kind", "text", "see Kinds", "where in proteins it is on, no annotation used"),
        Column("prevalence", "number", "0 to 1", "share of test proteins in which it is on"),
        Column("active_share", "number", "0 to 1", "share of their residues that are on"),
        Column("run_length", "number", "residues ≥ 1", "half of those lie in no longer run", True),
        Column("spacing", "number", "residues ≥ 1", "median, from one run to the next", True),
        Column("activation_clusters", "number", "≥ 0", "as effective_clusters, of activation"),
        Column("property", "text", "see Properties", "best property on valid; see below", True),
        Column("property_type", "text", "see Properties", "kind of that property", empty=True),
        *(replace(column, empty=True) for column in _PAIR),
        Column("n_residues", "integer", "≥ 0", "test residues with the property", True),
        Column("neuron", "integer", "≥ 0", "best single neuron for the property, by valid", True),
        Column("neuron_sign", "integer", "1 or -1", "on above or below its train mean", True),
        Column("neuron_f1", "number", "0 to 1", "that neuron's f1 on test", True),
        Column("pca_f1", "number", "0 to 1", "f1 of the layer's best principal component", True),
        Column("random_f1", "number", "0 to 1", "f1 of the best of a random dictionary", True),
        Column("onehot_f1", "number", "0 to 1", "f1 of the best one-hot detector", True),
        Column("untrained_f1", "number", "0 to 1", "f1 of the best, weights shuffled", True),
        *(replace(column, empty=True) for column in _OF_RULES),
        Column("window_f1", "number", "0 to 1", "f1 of a probe on BLOSUM62 of the window", True),
        Column("homology_f1", "number", "0 to 1", "f1 of annotations copied from relatives", True),
        Column("probe_f1", "number", "0 to 1", "f1 of a linear probe, a ceiling", True),
        Column(
            "f1_without_relatives",
            "number",
            "0 to 1",
            "f1 without the test clusters in which a sensitive search finds a relative of train",
            True,
        ),
        Column(
            "best_baseline",
            "text",
            "name",
            "which of the baselines has the largest F1 on test: neuron, principal component, "
            "random dictionary, one-hot sequence, permuted model, rule or always on",
            True,
        ),
        Column("best_baseline_f1", "number", "0 to 1", "its F1 on test", True),
        Column("f1_difference", "number", "-1 to 1", "f1 less best_baseline_f1", True),
        Column("f1_difference_low", "number", "-1 to 1", "2.5 % bound of f1_difference", True),
        Column("f1_difference_high", "number", "-1 to 1", "97.5 % bound of f1_difference", True),
        Column(
            "verdict_p_value",
            "number",
            "0 to 1",
            "one-sided p of no difference, the best baseline chosen anew without each cluster",
            True,
        ),
        Column("verdict_q_value", "number", "0 to 1", "its false discovery rate", True),
        Column(
            "verdict",
            "text",
            "above, below or undecided",
            "above or below all baselines, each at a false discovery rate of 5 %; empty where q is "
            "above 0.05 or fewer than 10 clusters have the concept",
            True,
        ),
        *_CORRELATIONS,
        Column("top_proteins", "text", "accessions", "strongest proteins, comma-joined", True),
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
    "variant", "text", "name", "SAE variant, or `neurons`, `pca` or `random`: see Baselines"
)

ASSOCIATIONS = Table(
    "associations",
    6,
    "one row per pair kept, by model (onehot first), layer, variant, feature, falling valid_f1",
    ("model", "layer", "variant", "feature", "property"),
    (
        MODEL,
        LAYER,
        _DETECTORS,
        Column("feature", "integer", "≥ 0", "SAE feature, or detector of a baseline"),
        Column("property", "text", "see Properties", "property scored"),
        Column("property_type", "text", "see Properties", "kind of that property"),
        Column("valid_precision", "number", "0 to 1", "precision on valid"),
        Column("valid_recall", "number", "0 to 1", "recall on valid"),
        *_PAIR,
        Column("tp", "integer", "≥ 0", "test residues on, with the property"),
        Column("fp", "integer", "≥ 0", "test residues on, without it"),
        Column("fn", "integer", "≥ 0", "test residues off, with it"),
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
    "one row per set of detectors, by model (onehot first), layer, variant",
    ("model", "layer", "variant"),
    (
        MODEL,
        LAYER,
        _DETECTORS,
        Column("n_detectors", "integer", "≥ 1", "features, or both signs of neurons"),
        Column("n_significant", "integer", "≥ 0", "with a property at q ≤ 0.05, see below"),
        Column("n_significant_low", "integer", "≥ 0", "5 % bound: as many have one at least"),
        Column("n_capturing", "integer", "≥ 0", "that capture a property"),
        Column("n_capturing_low", "number", "≥ 0", "2.5 % bound, clusters resampled"),
        Column("n_capturing_high", "number", "≥ 0", "97.5 % bound"),
        Column("properties_significant", "integer", "≥ 0", "found by one at q ≤ 0.05"),
        Column("properties_significant_low", "integer", "≥ 0", "5 % bound"),
        Column("properties_captured", "integer", "≥ 0", "captured by the best, by valid"),
        Column("properties_captured_low", "number", "≥ 0", "2.5 % bound, clusters resampled"),
        Column("properties_captured_high", "number", "≥ 0", "97.5 % bound"),
        Column("properties_per_detector", "number", "≥ 0", "at q ≤ 0.05, of those with any"),
    ),
)

CLUSTER_COUNTS = Table(
    "cluster_counts",
    1,
    "one row per detector and test homology cluster in which it is on: every feature's best "
    "concept, every concept's best detector",
    ("model", "layer", "variant", "feature", "property", "cluster"),
    (
        MODEL,
        LAYER,
        _DETECTORS,
        Column("feature", "integer", "≥ 0", "SAE feature, or detector of a baseline"),
        Column("property", "text", "see Properties", "concept that sets the threshold"),
        Column("cluster", "text", "accession", "homology cluster, as in proteins.parquet"),
        Column("tp", "integer", "≥ 0", "its residues that have the concept, with the detector on"),
        Column("on", "integer", "≥ 1", "its residues on which the detector is on"),
    ),
)

CANDIDATES = Table(
    "candidates",
    1,
    "one row per stretch that may lack an annotation, by variant and rank",
    ("model", "layer", "variant", "rank"),
    (
        *_IDENTITY,
        Column("rank", "integer", "≥ 1", "1: the most probable"),
        Column("accession", "text", "UniProt", "a test protein"),
        Column("start", "integer", "≥ 1", "first residue of the stretch, 1-based"),
        Column("end", "integer", "≥ start", "last residue, inclusive"),
        Column("property", "text", "see Properties", "what the entry has nowhere near"),
        Column("peak", "integer", "≥ 1", "position of the strongest residue"),
        Column("activation", "number", "> 0", "activation there"),
        Column("quantile", "number", "0 to 1", "of its positive train activations, there"),
        Column("probability", "number", "0.5 to 1", "share annotated of such stretches, valid"),
    ),
)

RECOVERY = Table(
    "recovery",
    1,
    "one row per property looked for, with a fifth of its instances hidden",
    ("model", "layer", "variant", "property"),
    (
        MODEL,
        LAYER,
        VARIANT,
        Column("property", "text", "see Properties", "property looked for"),
        Column("n_instances", "integer", "≥ 0", "annotated stretches in test"),
        Column("n_hidden", "integer", "≥ 0", "of these hidden"),
        Column("n_found", "integer", "≥ 0", "of these at a candidate"),
        Column("found_share", "number", "0 to 1", "n_found / n_hidden"),
        Column("n_found_first", "integer", "≥ 0", "found by the first n_hidden candidates"),
        Column("n_candidates", "integer", "≥ 0", "candidates of any probability"),
        Column("median_rank", "number", "≥ 1", "of the hidden ones found, by property", True),
    ),
)

RELIABILITY = Table(
    "reliability",
    1,
    "one row per SAE and bin of probability, with a fifth of instances hidden",
    ("model", "layer", "variant", "p_from"),
    (
        MODEL,
        LAYER,
        VARIANT,
        Column("p_from", "number", "0 to 1", "lower end of the bin of probability"),
        Column("p_to", "number", "0 to 1", "upper end"),
        Column("n_candidates", "integer", "≥ 1", "candidates in the bin"),
        Column("n_hidden", "integer", "≥ 0", "of these at a hidden instance"),
        Column("probability", "number", "0 to 1", "mean of their probability"),
        Column("expected_share", "number", "0 to 1", "that should be hidden ones"),
        Column("observed_share", "number", "0 to 1", "n_hidden / n_candidates"),
    ),
)

INTERPLM = Table(
    "interplm",
    2,
    "one row per pair that InterPLM's rule calls, with annotate.interplm",
    ("model", "layer", "variant", "feature", "concept"),
    (
        *_IDENTITY,
        Column("concept", "text", "name", "InterPLM's own name, such as Helix or Domain_SH2"),
        Column("valid_threshold", "number", "0 to 0.8", "of the largest activation, best on valid"),
        Column("valid_f1", "number", "0.5 to 1", "its domain F1 there"),
        Column("test_threshold", "number", "0 to 0.8", "chosen again on test"),
        Column("test_f1", "number", "0.5 to 1", "its domain F1 there, too high"),
    ),
)


SUMMARY = Table(
    "summary",
    5,
    "one row per SAE, by model (onehot first), layer, variant",
    ("model", "layer", "variant"),
    (
        *EVALUATION.columns,
        Column("features_with_property", "integer", "≥ 0", "features that capture their property"),
        Column("features_significant", "integer", "≥ 0", "features whose property has q ≤ 0.05"),
        Column(
            "features_above_baselines",
            "integer",
            "≥ 0",
            "features above all their baselines, the rule among them, concepts defined by the "
            "sequence left out",
        ),
        Column("features_above_lookup", "integer", "≥ 0", "of these, above window and homology"),
        Column(
            "features_defined_by_sequence",
            "integer",
            "≥ 0",
            "features with q ≤ 0.05 whose concept the sequence defines: no findings",
        ),
    ),
)


_PROPERTY = (
    Column("property", "text", "see Properties", "property scored"),
    Column("property_type", "text", "see Properties", "kind of that property"),
)
_HELD_OUT = (
    Column("valid_f1", "number", "0 to 1", "F1 on valid, of the best choice: so too high"),
    Column("precision", "number", "0 to 1", "precision on test: tp / (tp + fp)"),
    Column("recall", "number", "0 to 1", "recall on test: tp / (tp + fn)"),
    Column("f1", "number", "0 to 1", "F1 on test: 2 tp / (2 tp + fp + fn)"),
    _F1_LOW,
    _F1_HIGH,
)
_SUPPORT = (
    Column("base_rate", "number", "0 to 1", "share of test residues, where known, with it"),
    Column("n_residues", "integer", "≥ 0", "test residues with the property"),
    Column("n_clusters", "integer", "≥ 0", "test homology clusters with the property"),
)

PROBES = Table(
    "probes",
    3,
    "one row per property",
    ("model", "layer", "property"),
    (
        MODEL,
        LAYER,
        *_PROPERTY,
        Column("penalty", "number", "> 0", "L2 penalty; chosen on valid"),
        Column("threshold", "number", "log odds", "on at this logit or above; chosen on valid"),
        *_HELD_OUT,
        Column("auroc", "number", "0 to 1", "area under the ROC curve on test", True),
        Column("auroc_low", "number", "0 to 1", "2.5 % bound of auroc over clusters", True),
        Column("auroc_high", "number", "0 to 1", "97.5 % bound of auroc over clusters", True),
        Column("average_precision", "number", "0 to 1", "average precision on test", True),
        Column("control_f1", "number", "0 to 1", "f1 of a probe for the property's control task"),
        Column("control_auroc", "number", "0 to 1", "auroc of that probe", True),
        Column("selectivity", "number", "-1 to 1", "f1 - control_f1"),
        Column("auroc_selectivity", "number", "-1 to 1", "auroc - control_auroc", True),
        *_SUPPORT,
    ),
)

LOOKUP = Table(
    "lookup",
    2,
    "one row per method and property",
    ("method", "property"),
    (
        Column("method", "text", "blosum_window, homology", "where the yes or no comes from"),
        *_PROPERTY,
        *_HELD_OUT,
        *_SUPPORT,
        Column("n_covered", "integer", "≥ 0", "test residues that the method can tell about"),
    ),
)

RULES = Table(
    "rules",
    2,
    "one row per property: the best rule on the sequence that needs no model",
    ("property",),
    (
        *_PROPERTY,
        _DEFINED,
        Column("rule", "text", "words", "the rule; see below"),
        Column("rule_parameters", "integer", "0 to 3", "bounds, letters and numbers it names"),
        Column("library_rules", "integer", "≥ 1", "rules tried: all of them, for every concept"),
        Column("fit_f1", "number", "0 to 1", "its F1 on train and valid together"),
        Column("best_rule", "text", "words", "the rule with the highest F1 there"),
        Column("best_fit_f1", "number", "0 to 1", "that F1: the best of all, so too high"),
        Column(
            "best_fit_error",
            "number",
            "≥ 0",
            "its standard error over homology clusters; empty with a single cluster",
            True,
        ),
        Column("precision", "number", "0 to 1", "of the rule on test: tp / (tp + fp)"),
        Column("recall", "number", "0 to 1", "of the rule on test: tp / (tp + fn)"),
        Column("f1", "number", "0 to 1", "of the rule on test: 2 tp / (2 tp + fp + fn)"),
        Column("f1_low", "number", "0 to 1", "2.5 % bound of f1 over homology clusters", True),
        Column("f1_high", "number", "0 to 1", "97.5 % bound of f1 over homology clusters", True),
        *_SUPPORT,
    ),
)

RULE_COUNTS = Table(
    "rule_counts",
    1,
    "one row per property and test homology cluster in which it is known of any residue",
    ("property", "cluster"),
    (
        _PROPERTY[0],
        Column("cluster", "text", "accession", "homology cluster, as in proteins.parquet"),
        Column("tp", "integer", "≥ 0", "its residues that have the property, with the rule on"),
        Column("on", "integer", "≥ 0", "its residues on which the rule is on"),
        Column("positives", "integer", "≥ 0", "its residues that have the property"),
        Column("known", "integer", "≥ 1", "its residues known to have it or to lack it"),
    ),
)

_COUNTS = {
    "residues": "residues with the property",
    "known": "residues known to have it or to lack it",
    "instances": "annotated stretches; empty if there are none",
    "proteins": "proteins with such a residue",
    "clusters": "homology clusters with such a residue",
}

BASE_RATES = Table(
    "base_rates",
    1,
    "one row per concept, in the order of Properties",
    ("concept",),
    (
        Column("concept", "text", "see Properties", "the name that other tables call property"),
        Column(
            "concept_type", "text", "see Properties", "its kind, the other tables' property_type"
        ),
        Column("base_rate", "number", "0 to 1", "share of residues with it, n_residues / n_known"),
        Column("n_residues", "integer", "≥ 0", "residues with it"),
        Column("n_known", "integer", "≥ 1", "residues known to have it or to lack it"),
        Column("n_proteins", "integer", "≥ 0", "proteins with a residue that has it"),
    ),
)

PROPERTIES = Table(
    "properties",
    1,
    "one row per property of the input, scored or not",
    ("property",),
    (
        Column("property", "text", "see Properties", "property, or UniProt type that gives none"),
        Column("property_type", "text", "see Properties", "kind of that property"),
        Column("left_out", "text", "words", "why it is not scored; empty if it is", True),
        *(
            Column(f"{split}_{name}", "integer", "≥ 0", f"{split}: {meaning}", True)
            for split in ("train", "valid", "test")
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
        Column("rank", "integer", "≥ 1", "1: the protein with the strongest activation"),
        Column("accession", "text", "UniProt", "the protein"),
        Column("peak", "integer", "≥ 1", "position of the strongest residue, 1-based"),
        Column("start", "integer", "≥ 1", "first residue of the window, 1-based"),
        Column("end", "integer", "≥ start", "last residue of the window, inclusive"),
        Column("max_activation", "number", "> 0", "activation at the peak"),
        Column("activations", "list of numbers", "≥ 0", "one per residue, start to end"),
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
        Column("architecture", "text", "name", "how features are kept sparse"),
        Column("y", "text", "fvu, dead_fraction", "the column of summary.tsv that is fitted"),
        Column("parameter", "text", "name", "floor, scale, or the variable of an exponent"),
        Column("value", "number", "any", "fitted value"),
        Column("low", "number", "any", "2.5 % bound, residuals resampled"),
        Column("high", "number", "any", "97.5 % bound, residuals resampled"),
        Column("n_saes", "integer", "≥ 4", "SAEs that the fit is on"),
        Column("r_squared", "number", "≤ 1", "share of the variance of log y explained"),
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
