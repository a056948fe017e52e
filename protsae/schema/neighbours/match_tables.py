"""Features that stand for others: in other layers and SAEs, and where they should not."""

from protsae.schema.shared_columns import FEATURE, LAYER, MODEL, VARIANT
from protsae.schema.table import Column, Table

_FEATURE_OF_OTHER = (
    Column(
        "match_model",
        "text",
        "name",
        "Model of the other SAE: the same, or its permuted model, of which the SAE of the same "
        "layer is taken. What persists there needs no trained weights.",
    ),
    Column("match_layer", "integer", "≥ 0", "Layer of the other SAE."),
    Column("match_variant", "text", "name", "Name of the other SAE."),
    Column(
        "match",
        "integer",
        "≥ 0",
        "Its feature that stands for this one: one to one, so that the sum of correlations is "
        "largest, on train and valid. Empty if none correlates.",
        True,
    ),
)

MATCHES = Table(
    "matches",
    2,
    "one row per feature and SAE that it is matched with: that of the next layer, others of its "
    "own, and that of the permuted model's same layer",
    ("model", "layer", "variant", "match_model", "match_layer", "match_variant", "feature"),
    (
        MODEL,
        LAYER,
        VARIANT,
        *_FEATURE_OF_OTHER[:3],
        FEATURE,
        _FEATURE_OF_OTHER[3],
        Column(
            "valid_correlation",
            "number",
            "0 to 1",
            "Pearson correlation of the two over the residues they were matched on.",
            True,
        ),
        Column(
            "correlation",
            "number",
            "-1 to 1",
            "The same over test, one protein of each homology cluster (400 at most). Empty if one "
            "of the two is active at no residue.",
            True,
        ),
        Column(
            "correlation_low",
            "number",
            "-1 to 1",
            "Lower end of its nominal 95 % interval over proteins (jackknife; in planted worlds it "
            "holds the truth in 74 to 97 % of cases, least often where proteins differ most in "
            "how strong the features are). Empty with fewer than 10 active_clusters.",
            True,
        ),
        Column("correlation_high", "number", "-1 to 1", "Upper end of that interval.", True),
        Column(
            "exchanged_correlation",
            "number",
            "-1 to 1",
            "Correlation with the match's activations at the same places of other proteins of "
            "similar length: what places alone explain.",
            True,
        ),
        Column(
            "rotated_correlation",
            "number",
            "-1 to 1",
            "Correlation with the match's activations at other places of the same proteins: what "
            "being active in the same proteins explains.",
            True,
        ),
        Column(
            "residue_correlation",
            "number",
            "-1 to 1",
            "Correlation that would be left if both followed the amino acid alone.",
            True,
        ),
        Column(
            "runner_up",
            "integer",
            "≥ 0",
            "Of the other SAE's other features the one with the largest correlation on train and "
            "valid.",
            True,
        ),
        Column(
            "runner_up_correlation", "number", "-1 to 1", "Correlation with that one on test.", True
        ),
        Column(
            "active_clusters",
            "integer",
            "≥ 0",
            "Test proteins, each of another homology cluster, in which the feature is active.",
            True,
        ),
        Column(
            "p_value",
            "number",
            "0 to 1",
            "That the two are active at the same residues, and not only at the same places of any "
            "protein or anywhere in the same proteins. In each test protein the sum of products of "
            "their activations is ranked among those with the match taken from the same places of "
            "other proteins of similar length, and again among those with the match rotated along "
            "the protein; p is of the sum of ranks, exact, the larger of the two. Small where the "
            "two are related in any way, if only by following one amino acid: how closely, "
            "correlation tells. It takes proteins of different clusters as independent; remote "
            "relatives and taxa make it too small.",
            True,
        ),
        Column(
            "q_value",
            "number",
            "0 to 1",
            "Benjamini-Hochberg over the features of the SAE.",
            True,
        ),
        Column(
            "persists",
            "integer",
            "0 or 1",
            "Whether the match is the same feature: q_value is at most 0.05, correlation at least "
            "√½, so that either explains half of the other's variance, and at least "
            "runner_up_correlation; correlation_low is above exchanged_correlation, "
            "rotated_correlation and residue_correlation. Empty if the feature is active in fewer "
            "than 10 test clusters.",
            True,
        ),
        Column(
            "match_cosine",
            "number",
            "-1 to 1",
            "Cosine similarity of the decoder vectors of the two. Empty between models, whose "
            "coordinates have nothing to do with each other.",
            True,
        ),
        Column(
            "decoder_match",
            "integer",
            "≥ 0",
            "Feature of the other SAE whose decoder vector is nearest. Where it is the match, "
            "both ways of following a feature agree. Empty between models.",
            True,
        ),
        Column("decoder_cosine", "number", "-1 to 1", "Cosine similarity with that one.", True),
        Column(
            "n_parts",
            "integer",
            "≥ 0",
            "If the other SAE is wider: how many of its features are active almost only where "
            "this one is (70 % of the way from chance to always, on train and valid).",
            True,
        ),
        Column(
            "parts_cover",
            "number",
            "0 to 1",
            "Share of the feature's test residues at which one of these parts is active.",
            True,
        ),
        Column(
            "largest_part_cover",
            "number",
            "0 to 1",
            "Share at which the part that covers most is active. Well below parts_cover where a "
            "feature was split.",
            True,
        ),
    ),
)

ABSORPTION = Table(
    "absorption",
    1,
    "one row per SAE, concept and narrower concept with a called feature each",
    ("model", "layer", "variant", "concept", "narrower_concept"),
    (
        MODEL,
        LAYER,
        VARIANT,
        Column("concept", "text", "name", "A concept, such as DOMAIN."),
        Column(
            "narrower_concept",
            "text",
            "name",
            "One whose residues all have it, such as DOMAIN: EGF-like.",
        ),
        Column(
            "feature",
            "integer",
            "≥ 0",
            "Feature with the highest F1 on valid for the concept, with q ≤ 0.05. Left out if it "
            "detects a narrower concept better: a feature of EGF-like domains misses others, and "
            "that is no absorption.",
        ),
        Column("narrower_feature", "integer", "≥ 0", "The same for the narrower concept."),
        Column(
            "decoder_cosine",
            "number",
            "-1 to 1",
            "Cosine similarity of the decoder vectors of the two.",
        ),
        Column(
            "n_narrower",
            "integer",
            "≥ 0",
            "Test instances of the concept that are of the narrower one: features of the entry.",
        ),
        Column(
            "n_other",
            "integer",
            "≥ 0",
            "Test instances of the concept that are not, nor of another narrower concept with a "
            "called feature; from the length of the shortest of the former to that of the longest, "
            "as a long instance is seldom missed altogether.",
        ),
        Column(
            "absorbed",
            "number",
            "0 to 1",
            "Of the former the share at which the concept's feature is active nowhere and the "
            "narrower one's is above its threshold.",
            True,
        ),
        Column(
            "absorbed_low",
            "number",
            "0 to 1",
            "Lower end of its 95 % interval over clusters.",
            True,
        ),
        Column("absorbed_high", "number", "0 to 1", "Upper end of that interval.", True),
        Column(
            "silent_at_narrower",
            "number",
            "0 to 1",
            "Of the instances of the narrower concept the share at which the concept's feature is "
            "active nowhere.",
            True,
        ),
        Column(
            "silent_elsewhere",
            "number",
            "0 to 1",
            "The same of the other instances of the concept: what it misses without absorption.",
            True,
        ),
        Column(
            "difference",
            "number",
            "-1 to 1",
            "`silent_at_narrower` less `silent_elsewhere`.",
            True,
        ),
        Column(
            "difference_low",
            "number",
            "-2 to 1",
            "Lower end of its 95 % interval over homology clusters. Empty with fewer than 10.",
            True,
        ),
        Column("difference_high", "number", "-1 to 2", "Upper end of that interval.", True),
        Column(
            "found",
            "integer",
            "0 or 1",
            "Whether there is absorption: difference_low is above 0, absorbed_low above "
            "silent_elsewhere, and silent_elsewhere at most 0.5. Not corrected for the number of "
            "pairs: of those without absorption one in 40 is called so by chance, and up to one in "
            "17 in simulated clusters where the concept's feature misses 1 to 3 % of instances.",
        ),
    ),
)
