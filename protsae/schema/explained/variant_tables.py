"""The tables of variants: what the model thinks of them, and which features they change."""

from dataclasses import replace

from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.shared_columns import FEATURE, LAYER, VARIANT
from protsae.schema.table import Column, Table

_OF_FEATURE = {column.name: column for column in FEATURES.columns}

_PROTEIN = Column("protein", "text", "name", "Name of the protein: that of its FASTA record.")
_MUTANT = Column(
    "mutant",
    "text",
    "such as A23V",
    "The residues replaced: the residue, its position from 1 on, and the new residue; several are "
    "joined by a colon, as in A23V:G40D.",
)

VARIANTS = Table(
    "variants",
    1,
    "one row per mutant, in the order given",
    ("protein", "mutant"),
    (
        _PROTEIN,
        _MUTANT,
        Column("n_substitutions", "integer", "≥ 1", "Number of residues that are replaced."),
        Column(
            "position",
            "integer",
            "≥ 1",
            "Position of the residue that is replaced, 1-based. Empty if there are several.",
            True,
        ),
        Column(
            "masked_log_odds",
            "number",
            "nats",
            "Masked marginal: log p(new residue) - log p(residue that is there), both predicted "
            "with that residue masked, alone; natural logarithm. Below 0 the model expects the new "
            "residue less. With several substitutions it is the sum over them, each in the "
            "unchanged protein, which takes them as independent.",
        ),
        Column(
            "wild_type_log_odds",
            "number",
            "nats",
            "Wild-type marginal: the same difference, predicted from the whole protein with no "
            "residue masked; a sum for several substitutions.",
        ),
        Column(
            "feature_change",
            "number",
            "≥ 0",
            "How much the features of the SAEs change, without any label: the sum over features "
            "and over the residues within ± 8 of a site of the absolute difference between the "
            "activation with the variant and without, divided by max_activation of the feature in "
            "features.parquet, as a mean over SAEs. Features with a max_activation of 0 are left "
            "out. More change is taken as worse. Empty if features were not asked for.",
            True,
        ),
        Column(
            "layer_change",
            "number",
            "≥ 0",
            "The same without SAEs, as a baseline of feature_change: the sum over the residues "
            "within ± 8 of a site of the Euclidean distance between the layer activations with the "
            "variant and without, divided by their mean norm in the protein, as a mean over "
            "layers. Empty where feature_change is.",
            True,
        ),
        Column(
            "n_lost",
            "integer",
            "≥ 0",
            "Number of features, over all SAEs, that are active within ± 8 residues of a site "
            "without the variant and at none of them with it. Empty where feature_change is.",
            True,
        ),
        Column(
            "n_gained",
            "integer",
            "≥ 0",
            "Number of features that are active there with the variant only. Empty where "
            "feature_change is.",
            True,
        ),
    ),
)

FROM_FEATURES = ("label", "confidence", "recurs")
"""Columns that are those of the feature's row in features.parquet."""

VARIANT_FEATURES = Table(
    "variant_features",
    1,
    "one row per mutant and feature: those that change most, by falling total_change",
    ("protein", "mutant", "rank"),
    (
        _PROTEIN,
        _MUTANT,
        Column("rank", "integer", "≥ 1", "Place of the feature by total_change: 1 changes most."),
        LAYER,
        VARIANT,
        FEATURE,
        *(
            replace(
                _OF_FEATURE[name],
                meaning=f"`{name}` of the feature in features.parquet; empty where that is.",
                empty=True,
            )
            for name in FROM_FEATURES
        ),
        Column(
            "change",
            "text",
            "lost, gained, less, more",
            "What becomes of the feature at the residue position: `lost` if it is active there "
            "without the variant only, `gained` if with it only, else `less` or `more` active.",
        ),
        Column(
            "position",
            "integer",
            "≥ 1",
            "Residue within ± 8 of a site at which the activation changes most, 1-based; the first "
            "of equal ones.",
        ),
        Column(
            "activation_before",
            "number",
            "≥ 0",
            "Activation of the feature at that residue in the unchanged protein.",
        ),
        Column("activation_after", "number", "≥ 0", "Activation at that residue with the variant."),
        Column(
            "total_change",
            "number",
            "> 0",
            "The feature's part of feature_change: the sum over the residues within ± 8 of a site "
            "of the absolute difference between the activation with the variant and without, "
            "divided by max_activation. At 1 the "
            "feature has changed by its largest activation on the run's test set, at one residue "
            "or spread over several.",
        ),
    ),
)
