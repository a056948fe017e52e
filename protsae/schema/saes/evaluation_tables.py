"""The evaluation of an SAE: a row of summary.tsv, and an evaluation.json."""

from protsae.schema.shared_columns import FREEZE, LAYER, MODEL, VARIANT
from protsae.schema.table import Column, Table

_COLUMNS = (
    MODEL,
    LAYER,
    VARIANT,
    Column("architecture", "text", "name", "Architecture of the SAE, such as `topk` or `relu`."),
    FREEZE,
    Column("d_model", "integer", "≥ 1", "Width of the layer, which is the input size of the SAE."),
    Column("n_features", "integer", "≥ 1", "Number of features of the SAE."),
    Column("n_residues", "integer", "≥ 0", "Number of residues in the test set."),
    Column("n_proteins", "integer", "≥ 0", "Number of proteins in the test set."),
    Column("n_clusters", "integer", "≥ 0", "Number of homology clusters in the test set."),
    Column("l0", "number", "0 to n_features", "Mean number of active features per residue."),
    Column(
        "l0_low",
        "number",
        "0 to n_features",
        "Lower bound of the 95 % interval of l0. Empty with fewer than 10 homology clusters.",
        True,
    ),
    Column("l0_high", "number", "0 to n_features", "Upper bound of the 95 % interval of l0.", True),
    Column(
        "fvu",
        "number",
        "≥ 0",
        "Fraction of variance unexplained, Σ‖x - x̂‖² / Σ‖x - x̄‖². 0 is a perfect reconstruction, "
        "1 is no better than the mean.",
    ),
    Column(
        "fvu_low",
        "number",
        "≥ 0",
        "Lower bound of the 95 % interval of fvu. Empty with fewer than 10 homology clusters.",
        True,
    ),
    Column("fvu_high", "number", "≥ 0", "Upper bound of the 95 % interval of fvu.", True),
    Column(
        "pca_fvu",
        "number",
        "≥ 0",
        "FVU of PCA at equal rank: every residue is reconstructed from the first pca_components "
        "principal components of the training set.",
        True,
    ),
    Column(
        "pca_sparse_fvu",
        "number",
        "≥ 0",
        "FVU of PCA at equal L0: every residue keeps its own pca_components largest PCA "
        "coefficients.",
        True,
    ),
    Column(
        "pca_components",
        "integer",
        "≥ 0",
        "Number of components that the PCA baselines use: l0 rounded to a whole number.",
        True,
    ),
    Column(
        "sample_fvu",
        "number",
        "≥ 0",
        "FVU of the SAE on the sample of test residues for which optimal codes are computed.",
    ),
    Column(
        "best_fvu",
        "number",
        "≥ 0",
        "FVU on the same sample with the best codes found for the SAE's decoder at the same L0. "
        "The distance to sample_fvu is the loss due to the encoder.",
        True,
    ),
    Column(
        "random_fvu",
        "number",
        "≥ 0",
        "FVU on the same sample with the best codes found for a random dictionary of the same "
        "size, at the same L0.",
        True,
    ),
    Column(
        "objective_excess",
        "number",
        "≥ 0",
        "Relative excess of the training objective with the encoder's codes over its minimum with "
        "optimal codes, L / L_min - 1. Only for relu.",
        True,
    ),
    Column(
        "dead_fraction",
        "number",
        "0 to 1",
        "Share of the features that are active on none of the n_residues test residues. It falls "
        "as the test set grows.",
    ),
    Column("dense_fraction", "number", "0 to 1", "Share of the features with a density above 0.1."),
    Column("density_median", "number", "0 to 1", "Median density of the features.", True),
    Column(
        "encoder_decoder_cosine_median",
        "number",
        "-1 to 1",
        "Median cosine similarity between a feature's encoder and decoder vectors.",
        True,
    ),
    Column(
        "neighbour_cosine_median",
        "number",
        "-1 to 1",
        "Median cosine similarity between a decoder vector and its nearest neighbour in the same "
        "SAE.",
        True,
    ),
    Column(
        "loss_recovered",
        "number",
        "any",
        "Share of the loss recovered, (CE_mean - CE_spliced) / (CE_mean - CE_clean). 1 means that "
        "predictions are as good as the model's own, 0 that they are no better than with mean "
        "ablation.",
        True,
    ),
    Column(
        "loss_recovered_low",
        "number",
        "any",
        "Lower bound of the 95 % interval of loss_recovered.",
        True,
    ),
    Column(
        "loss_recovered_high",
        "number",
        "any",
        "Upper bound of the 95 % interval of loss_recovered.",
        True,
    ),
    Column(
        "loss_recovered_mask_sd",
        "number",
        "≥ 0",
        "Standard deviation of loss_recovered over the n_masks draws of masks. Empty for a single "
        "draw.",
        True,
    ),
    Column(
        "loss_recovered_vs_unigram",
        "number",
        "any",
        "Loss recovered with ce_unigram in place of ce_mean_ablation: 0 means no better than "
        "guessing from amino-acid frequencies.",
        True,
    ),
    Column(
        "loss_recovered_vs_zero",
        "number",
        "any",
        "Loss recovered with ce_zero_ablation in place of ce_mean_ablation. This is a low bar.",
        True,
    ),
    Column(
        "ce_clean",
        "number",
        "nats ≥ 0",
        "Cross-entropy of the unmodified model per masked residue.",
        True,
    ),
    Column(
        "ce_spliced",
        "number",
        "nats ≥ 0",
        "Cross-entropy with the SAE's reconstruction in place of the layer's activations.",
        True,
    ),
    Column(
        "ce_mean_ablation",
        "number",
        "nats ≥ 0",
        "Cross-entropy with the layer's mean training activation at every residue.",
        True,
    ),
    Column(
        "ce_unigram",
        "number",
        "nats ≥ 0",
        "Cross-entropy of predicting the amino-acid frequencies of the training set everywhere.",
        True,
    ),
    Column(
        "ce_zero_ablation",
        "number",
        "nats ≥ 0",
        "Cross-entropy with zeros in place of the layer's activations.",
        True,
    ),
    Column(
        "kl_spliced",
        "number",
        "nats ≥ 0",
        "KL divergence from the model's predictions to those with the SAE spliced in, per masked "
        "residue.",
        True,
    ),
    Column("kl_mean_ablation", "number", "nats ≥ 0", "The same KL for mean ablation.", True),
    Column("kl_zero_ablation", "number", "nats ≥ 0", "The same KL for zero ablation.", True),
    Column(
        "n_masked",
        "integer",
        "≥ 0",
        "Number of masked residues, summed over all draws of masks.",
        True,
    ),
    Column(
        "n_masks",
        "integer",
        "≥ 1",
        "Number of times that masks were drawn for each protein, independently.",
        True,
    ),
    Column(
        "seed_cosine",
        "number",
        "-1 to 1",
        "Stability over seeds: mean cosine similarity between a decoder vector and its nearest "
        "match in an SAE that differs only in its seed.",
        True,
    ),
    Column(
        "random_cosine",
        "number",
        "-1 to 1",
        "Baseline of seed_cosine, with a random dictionary in place of the other SAE.",
        True,
    ),
    Column(
        "split_share",
        "number",
        "0 to 1",
        "Share of the features that split into two or more features of the next wider SAE.",
        True,
    ),
    Column(
        "training_residues",
        "integer",
        "≥ 1",
        "Number of residues that the SAE was trained on, counting repeats.",
        True,
    ),
)

EVALUATION = Table("evaluation", 3, "one object per SAE", ("model", "layer", "variant"), _COLUMNS)

SUMMARY = Table(
    "summary",
    7,
    "one row per SAE, sorted by model (onehot first), layer and variant",
    ("model", "layer", "variant"),
    (
        *EVALUATION.columns,
        Column(
            "features_with_concept",
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
            "features_above_references",
            "integer",
            "≥ 0",
            "Number of these features whose f1_low also exceeds every reference that the concept "
            "has, of window_f1 and homology_f1. Features whose concept has neither do not count; "
            "n_references in features.tsv says on how many a feature rests.",
        ),
        Column(
            "features_defined_by_sequence",
            "integer",
            "≥ 0",
            "Number of features with q ≤ 0.05 whose concept the sequence defines. They are no "
            "biological findings.",
        ),
        Column(
            "features_recurring",
            "integer",
            "≥ 0",
            "Number of features that recur with every other seed. Empty if the SAE has one seed.",
            True,
        ),
        Column(
            "features_not_recurring",
            "integer",
            "≥ 0",
            "Number of features that do not. Of the others, which are active in fewer than 10 test "
            "homology clusters, it is not known.",
            True,
        ),
        Column(
            "features_described",
            "integer",
            "≥ 0",
            "Number of features with a label other than `unknown`. Empty for frozen SAEs.",
            True,
        ),
        Column(
            "features_of_high_confidence",
            "integer",
            "≥ 0",
            "Number of them whose label has a high confidence. Empty for frozen SAEs.",
            True,
        ),
    ),
)
