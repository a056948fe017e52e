"""The tables of attributions: what an output comes from, and how far that can be believed."""

from protsae.schema.shared_columns import FEATURE, LAYER, VARIANT
from protsae.schema.table import Column, Table

_PROTEIN = Column("protein", "text", "name", "Name of the protein: that of its FASTA record.")
_OUTPUT = Column(
    "output",
    "text",
    "such as 45, A45V, SIGNAL@45",
    "The number y that is explained: of a position log p of the residue there, masked; of a "
    "variant log p(new residue) - log p(residue that is there), masked; of a concept at a position "
    "the logit of its linear probe, nothing masked. Natural logarithms.",
)
_LAYER = Column(LAYER.name, LAYER.kind, LAYER.range, LAYER.meaning)

_RANK_CORRELATION = "-1 to 1"


def _optional(name: str, values: str, meaning: str) -> Column:
    return Column(name, "number", values, meaning, True)


ATTRIBUTIONS = Table(
    "attributions",
    1,
    "one row per output, layer and node: the 50 with the largest attribution by each method "
    "(`--top`), the random sample that is ablated, and the strongest node of the ten features with "
    "the largest sum; of a probe on its own layer also the 50 features with the largest SHAP value",
    ("protein", "output", "layer", "rank"),
    (
        _PROTEIN,
        _OUTPUT,
        _LAYER,
        VARIANT,
        Column(
            "rank",
            "integer",
            "≥ 1",
            "Place of the node among all of the output and layer by the size of its attribution.",
        ),
        Column("gradient_rank", "integer", "≥ 1", "The same by that of gradient_attribution."),
        Column(
            FEATURE.name,
            FEATURE.kind,
            FEATURE.range,
            "Index of the feature in the SAE. Empty if the node is the error of the residue: what "
            "the SAE does not rebuild of its activations.",
            True,
        ),
        Column(
            "label",
            "text",
            "words",
            "`label` of the feature in features.parquet; empty where that is.",
            True,
        ),
        Column("position", "integer", "≥ 1", "Residue of the node, 1-based."),
        Column("residue", "text", "one letter", "Amino acid at the position."),
        Column(
            "distance", "integer", "residues", "Position of the node less that of the output's."
        ),
        _optional(
            "activation",
            "≥ 0",
            "Activation of the feature at the residue, with the output's residue masked, if it is. "
            "Empty for errors.",
        ),
        Column(
            "length",
            "number",
            "≥ 0",
            "How far the node moves the activations: activation times the norm of the feature's "
            "decoder vector, or the norm of the error.",
        ),
        Column(
            "attribution",
            "number",
            "as y",
            "Integrated gradients: activation times the feature's decoder vector times the mean "
            "gradient of y on the straight way from the baseline to the activations (for an error, "
            "the error times that gradient). At the baseline every residue has the SAE's b_dec: no "
            "feature, no error; <cls> and <eos> stay. Over all nodes of a layer it sums to y less "
            "y at the baseline. Layers do not add up: each explains the whole of y.",
        ),
        Column(
            "gradient_attribution",
            "number",
            "as y",
            "Gradient x activation: the same with the gradient at the activations themselves.",
        ),
        _optional(
            "ablation",
            "as y",
            "What y loses when this node alone is taken away and the model runs on: y less y "
            "without it, exactly. Empty if it was not ablated.",
        ),
        Column(
            "sampled",
            "boolean",
            "true or false",
            "Whether the node is of the random sample that the correlations are over.",
        ),
        _optional(
            "feature_attribution",
            "as y",
            "Sum of attribution over all residues of the feature. Empty for errors.",
        ),
        _optional(
            "feature_gradient_attribution",
            "as y",
            "Sum of gradient_attribution over all residues of the feature. Empty for errors.",
        ),
        _optional(
            "shap",
            "as y",
            "Of a concept's probe on this very layer, at the output's residue: SHAP value w (a - E "
            "a), with w the probe's weights times the feature's decoder vector and E the mean over "
            "the train residues that the probe was fitted to, features taken as independent (for "
            "an error, likewise). A silent feature may have one. Empty elsewhere.",
        ),
    ),
)

ATTRIBUTION_CHECKS = Table(
    "attribution_checks",
    1,
    "one row per output and layer",
    ("protein", "output", "layer"),
    (
        _PROTEIN,
        _OUTPUT,
        _LAYER,
        VARIANT,
        Column("value", "number", "as y", "The output y as the model gives it."),
        Column("baseline_value", "number", "as y", "The same at the baseline."),
        Column("feature_sum", "number", "as y", "Sum of attribution over all features."),
        Column("error_sum", "number", "as y", "Sum of attribution over all errors."),
        Column(
            "completeness_error",
            "number",
            "as y",
            "Difference feature_sum + error_sum - (value - baseline_value).",
        ),
        Column(
            "is_complete",
            "boolean",
            "true or false",
            "Whether that is within 1 % of value - baseline_value, or within 0.001. If not, 256 "
            "points were too few.",
        ),
        Column("n_steps", "integer", "8 to 256", "Points of the way whose gradients were taken."),
        Column(
            "gradient_sum",
            "number",
            "as y",
            "Sum of gradient_attribution over all nodes. It need not be value - baseline_value.",
        ),
        Column("n_nodes", "integer", "≥ 1", "Active features and errors, over all residues."),
        Column("n_rows", "integer", "≥ 1", "Of these, rows in the table attributions."),
        Column(
            "share_kept",
            "number",
            "0 to 1",
            "Share of the size of attribution, summed over all nodes, that is in these rows.",
        ),
        _optional(
            "share_at_site",
            "0 to 1",
            "Share of that sum at features of the output's residue. Empty if all are 0.",
        ),
        _optional("share_near", "0 to 1", "At features within 8 residues of it."),
        _optional("share_elsewhere", "0 to 1", "At features of other residues."),
        _optional("share_error", "0 to 1", "At errors; the four shares sum to 1."),
        Column(
            "n_sampled",
            "integer",
            "≥ 0",
            "Active features at residues, drawn evenly from those that y depends on (after the "
            "last layer: those of its own residue), that were ablated one by one; the correlations "
            "below but for the top ones are over these.",
        ),
        _optional(
            "spearman",
            _RANK_CORRELATION,
            "Spearman's correlation of attribution with ablation. Empty if one is constant.",
        ),
        _optional(
            "spearman_low",
            _RANK_CORRELATION,
            "Lower bound of its 95 % interval, by the jackknife over residues. Empty with fewer "
            "than 10 residues.",
        ),
        _optional("spearman_high", _RANK_CORRELATION, "Upper bound."),
        _optional(
            "gradient_spearman",
            _RANK_CORRELATION,
            "The correlation of gradient_attribution with ablation.",
        ),
        _optional("gradient_spearman_low", _RANK_CORRELATION, "Lower bound, as spearman_low."),
        _optional("gradient_spearman_high", _RANK_CORRELATION, "Upper bound."),
        Column(
            "n_top",
            "integer",
            "≥ 0",
            "The 20 nodes with the largest attribution by each method, all ablated.",
        ),
        _optional(
            "top_spearman",
            _RANK_CORRELATION,
            "The correlation of attribution with ablation over the top nodes alone.",
        ),
        _optional(
            "top_gradient_spearman",
            _RANK_CORRELATION,
            "That of gradient_attribution over the same nodes.",
        ),
        _optional(
            "size_spearman",
            _RANK_CORRELATION,
            "Correlation of the size of attribution with that of ablation, without signs, over the "
            "sample; to be held against the rules that follow.",
        ),
        _optional(
            "gradient_size_spearman", _RANK_CORRELATION, "That of the size of gradient_attribution."
        ),
        _optional(
            "activation_spearman",
            _RANK_CORRELATION,
            "That of activation with the size of ablation.",
        ),
        _optional(
            "length_spearman", _RANK_CORRELATION, "That of length with the size of ablation."
        ),
        _optional(
            "nearness_spearman",
            _RANK_CORRELATION,
            "That of nearness (minus the size of distance) with the size of ablation.",
        ),
        _optional(
            "expected_value",
            "as y",
            "Mean of y over the residues that SHAP values are relative to: value less the sum of "
            "shap over all features and the error. Empty where there are no SHAP values.",
        ),
    ),
)
