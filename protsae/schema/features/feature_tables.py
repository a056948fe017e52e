"""The table of features: what each detects, and what it is compared with."""

from dataclasses import replace

from protsae.schema.features.description_table import LABEL_COLUMNS
from protsae.schema.features.stability_columns import STABILITY_COLUMNS
from protsae.schema.interventions.effect_table import FEATURE_EFFECTS
from protsae.schema.shared_columns import (
    F1_DIFFERENCE,
    F1_DIFFERENCE_HIGH,
    FREEZE,
    IDENTITY,
    N_RESIDUES,
    OF_RULES,
    PAIR,
)
from protsae.schema.table import Column, Table

_SCALES = {
    "hydropathy": "hydropathy (Kyte-Doolittle)",
    "charge": "side-chain charge at pH 7",
    "volume": "residue volume",
    "flexibility": "flexibility (normalised B-values)",
    "position": "relative position in the chain",
    "n_distance": "the distance to the N-terminus (capped at 50)",
    "c_distance": "the distance to the C-terminus (capped at 50)",
}

_CORRELATIONS = tuple(
    Column(
        f"{name}_{suffix}",
        "number",
        "-1 to 1",
        f"{kind} with {scale}, over all test residues. Empty if the feature is active at none.",
        True,
    )
    for name, scale in _SCALES.items()
    for suffix, kind in (
        ("r", "Pearson correlation of the activation"),
        ("rho", "Spearman correlation of the activation"),
    )
)

FEATURES = Table(
    "features",
    16,
    "one row per feature, sorted by model (onehot first), layer, variant and feature",
    ("model", "layer", "variant", "feature"),
    (
        *IDENTITY,
        FREEZE,
        *LABEL_COLUMNS,
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
            "Of the residues of the test proteins with a residue above the pattern threshold, the "
            "share that is above it.",
        ),
        Column(
            "segment_length",
            "number",
            "residues ≥ 1",
            "Residue-weighted median length of the segments above the pattern threshold: half of "
            "these residues lie in segments of at most this length.",
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
            "concept",
            "text",
            "see Concepts",
            "Concept that the feature matches best on the validation set (see How the concept is "
            "chosen). The name alone is no finding: q_value says whether there is an association, "
            "f1 how strong it is. Empty if no pair of the feature was kept.",
            True,
        ),
        Column("concept_type", "text", "see Concepts", "Type of that concept.", empty=True),
        *(replace(column, empty=True) for column in PAIR),
        replace(N_RESIDUES, empty=True),
        Column(
            "coordinate",
            "integer",
            "≥ 0",
            "Index of the coordinate that detects the concept best on the validation set.",
            True,
        ),
        Column(
            "coordinate_sign",
            "integer",
            "1 or -1",
            "1 if values of that coordinate above its training mean count as activation, -1 if "
            "values below it do.",
            True,
        ),
        Column("coordinate_f1", "number", "0 to 1", "F1 of that coordinate on the test set.", True),
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
            "mlp_f1",
            "number",
            "0 to 1",
            "Test F1 of the best neuron of the layer's MLP for the concept. Empty for one-hot "
            "sequences and for layer 0, which have no MLP, and if `mlp` is off.",
            True,
        ),
        Column(
            "frozen_f1",
            "number",
            "0 to 1",
            "Test F1 of the best feature of the layer's frozen SAEs for the concept. Empty for "
            "features of frozen SAEs, and if the layer has none.",
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
            "permuted_f1",
            "number",
            "0 to 1",
            "Test F1 of the best detector on any layer of the permuted model for the concept.",
            True,
        ),
        *(replace(column, empty=True) for column in OF_RULES),
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
            "Test F1 of the homology reference: annotations transferred from training proteins. "
            "Empty for concepts that the sequence defines or that come from a label file: there "
            "is no annotation to transfer.",
            True,
        ),
        Column(
            "n_references",
            "integer",
            "0 to 2",
            "Number of references without a language model that the concept has: of window_f1 and "
            "homology_f1, those that are not empty.",
            True,
        ),
        Column(
            "n_references_below",
            "integer",
            "0 to n_references",
            "Number of these references whose F1 is below f1_low. A missing reference does not "
            "count. Empty if f1_low is empty.",
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
            "Test F1 without the homology clusters in which a protein has a remote homologue in "
            "the training set, one that only a sensitive search finds (relatives.tsv).",
            True,
        ),
        Column(
            "n_clusters_without_relatives",
            "integer",
            "≥ 0",
            "Number of test homology clusters with the concept that f1_without_relatives rests on, "
            "n_clusters without those that it leaves out. If it is 0, f1_without_relatives is "
            "empty; if it is below 10, that F1 says little.",
            True,
        ),
        Column(
            "best_baseline",
            "text",
            "name",
            "Baseline with the highest F1 on the test set: coordinate, principal component, random "
            "dictionary, neuron, frozen SAE, one-hot sequence, permuted model, rule or always on.",
            True,
        ),
        Column(
            "best_baseline_f1", "number", "0 to 1", "F1 of that baseline on the test set.", True
        ),
        F1_DIFFERENCE,
        Column(
            "f1_difference_low",
            "number",
            "-1 to 1",
            "Lower bound of the 95 % confidence interval of f1_difference over homology clusters. "
            "Empty if fewer than 10 test clusters have the concept.",
            True,
        ),
        F1_DIFFERENCE_HIGH,
        Column(
            "verdict_p_value",
            "number",
            "0 to 1",
            "One-sided p-value for f1 above best_baseline_f1. Empty if there is no verdict. "
            "Below is tested against each baseline by itself, times their number.",
            True,
        ),
        Column(
            "verdict_q_value",
            "number",
            "0 to 1",
            "`verdict_p_value` adjusted for all rows that have one (Benjamini-Hochberg); rows "
            "whose concept the sequence defines are adjusted separately.",
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
        *STABILITY_COLUMNS,
        *FEATURE_EFFECTS,
        *_CORRELATIONS,
        Column(
            "top_proteins",
            "text",
            "accessions",
            "Proteins of all splits with the highest activations, one of each homology cluster, "
            "highest first, separated by commas.",
            True,
        ),
    ),
)

_OF_BASELINES = (
    *(
        "f1_without_relatives",
        "n_clusters_without_relatives",
        "best_baseline",
        "best_baseline_f1",
        "f1_difference",
        "f1_difference_low",
    ),
    *("f1_difference_high", "verdict_p_value", "verdict_q_value", "verdict"),
    *(
        "coordinate",
        "coordinate_sign",
        "coordinate_f1",
        "pca_f1",
        "random_f1",
        "mlp_f1",
        "frozen_f1",
        "onehot_f1",
        "freeze",
    ),
    *("permuted_f1", *(c.name for c in OF_RULES), "window_f1", "homology_f1", "probe_f1"),
    *("n_references", "n_references_below"),
    *(c.name for c in (*STABILITY_COLUMNS, *FEATURE_EFFECTS)),
)

LAYER_FEATURES = replace(
    FEATURES, columns=tuple(c for c in FEATURES.columns if c.name not in _OF_BASELINES)
)
"""What `annotate` writes for one layer; baselines are joined to it by `tables`."""
