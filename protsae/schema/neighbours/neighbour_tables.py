"""Neighbours, communities and the map of features."""

from protsae.schema.shared_columns import FEATURE, IDENTITY, LAYER, MODEL, VARIANT
from protsae.schema.table import Column, Table

NEIGHBOURS = Table(
    "neighbours",
    1,
    "one row per feature, kind of neighbour and rank, sorted by model (onehot first), layer, "
    "variant, feature, kind and rank",
    ("model", "layer", "variant", "feature", "kind", "rank"),
    (
        *IDENTITY,
        Column(
            "kind",
            "text",
            "decoder, residues, proteins",
            "By what it is near: `decoder`, cosine similarity of decoder vectors; `residues`, "
            "Jaccard index of the residues at which the two are active; `proteins`, of the "
            "proteins in which they are. A feature counts as active in a protein if its peak "
            "there is half of its largest one, or more.",
        ),
        Column("rank", "integer", "≥ 1", "1 is the nearest."),
        Column("neighbour", "integer", "≥ 0", "Index of the neighbour, in the same SAE."),
        Column(
            "value",
            "number",
            "-1 to 1",
            "Cosine or Jaccard index by which it was chosen. Jaccard indices are of train and "
            "valid, one protein of each homology cluster, so that a family does not count twice.",
        ),
        Column(
            "test_value",
            "number",
            "0 to 1",
            "Jaccard index on test, likewise; of `decoder` the one over residues. Empty if "
            "neither is active there.",
            True,
        ),
        Column(
            "expected",
            "number",
            "-1 to 1",
            "Test_value of two features that know nothing of each other: `residues` and `decoder`, "
            "of two that are as often active at each amino acid as these; `proteins`, of two that "
            "are as often present. Empty as test_value.",
            True,
        ),
        Column(
            "random_cosine",
            "number",
            "-1 to 1",
            "Of `decoder`: mean cosine of a random direction with the one of this rank among as "
            "many random directions as the SAE has active features, all with the second moment of "
            "its decoder vectors. Few neighbours are much nearer than that.",
            True,
        ),
        Column(
            "neighbour_given_feature",
            "number",
            "0 to 1",
            "Of the test residues (`proteins`: proteins) at which the feature is active, the "
            "share at which the neighbour is, too.",
            True,
        ),
        Column(
            "feature_given_neighbour",
            "number",
            "0 to 1",
            "Of those at which the neighbour is active, the share at which the feature is, too.",
            True,
        ),
    ),
)

MAP = Table(
    "map",
    1,
    "one row per feature",
    ("model", "layer", "variant", "feature"),
    (
        *IDENTITY,
        Column(
            "community",
            "integer",
            "≥ 0",
            "Number of its community, the largest first: features that are nearer to each other, "
            "by decoder cosine, than to the rest (Leiden). Empty outside of communities of at "
            "least 3.",
            True,
        ),
        Column(
            "x",
            "number",
            "any",
            "Place on a map of the SAE's features (UMAP of the nearest by decoder cosine), on "
            "which only who is near whom has a meaning. Empty for features that are active "
            "nowhere, and without a map.",
            True,
        ),
        Column("y", "number", "any", "The same, upwards.", True),
    ),
)

COMMUNITIES = Table(
    "communities",
    1,
    "one row per community and concept that two or more of its features have, sorted by model, "
    "layer, variant, community and p_value",
    ("model", "layer", "variant", "community", "concept"),
    (
        MODEL,
        LAYER,
        VARIANT,
        Column("community", "integer", "≥ 0", "Number of the community."),
        Column(
            "concept",
            "text",
            "name",
            "A concept. A feature has it if the pair has q ≤ 0.05 in associations.parquet.",
        ),
        Column("n_with", "integer", "≥ 2", "Features of the community that have it."),
        Column("n_features", "integer", "≥ 2", "Features of the community that have any concept."),
        Column("n_with_anywhere", "integer", "≥ 2", "Features of the SAE that have it."),
        Column("n_annotated", "integer", "≥ 2", "Features of the SAE that have any concept."),
        Column(
            "expected",
            "number",
            "≥ 0",
            "n_features · n_with_anywhere / n_annotated: n_with of a random community.",
        ),
        Column(
            "p_value",
            "number",
            "0 to 1",
            "Probability of n_with or more in a random set of as many features that have concepts "
            "(hypergeometric). Features with like directions often detect the same, and some have "
            "many concepts, so a small one says that the community is about this concept, and no "
            "more.",
        ),
        Column(
            "q_value",
            "number",
            "0 to 1",
            "Benjamini-Hochberg over all communities of the SAE and all concepts that two of its "
            "features have.",
        ),
    ),
)

_FEATURE_OF_OTHER = (
    Column("match_layer", "integer", "≥ 0", "Layer of the other SAE, of the same model."),
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
    1,
    "one row per feature and SAE that it is matched with: that of the next layer, and others of "
    "its own; sorted by model, layer, variant, match_layer, match_variant and feature",
    ("model", "layer", "variant", "match_layer", "match_variant", "feature"),
    (
        MODEL,
        LAYER,
        VARIANT,
        *_FEATURE_OF_OTHER[:2],
        FEATURE,
        _FEATURE_OF_OTHER[2],
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
            "holds the truth in 80 to 93 % of cases). Empty with fewer than 10 active_clusters.",
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
            "Cosine similarity of the decoder vectors of the two.",
            True,
        ),
        Column(
            "decoder_match",
            "integer",
            "≥ 0",
            "Feature of the other SAE whose decoder vector is nearest. Where it is the match, "
            "both ways of following a feature agree.",
        ),
        Column("decoder_cosine", "number", "-1 to 1", "Cosine similarity with that one."),
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
    "one row per SAE, concept and narrower concept with a called feature each, sorted by model, "
    "layer, variant, concept and narrower_concept",
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
            "silent_at_narrower - silent_elsewhere.",
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
            "pairs, of which one in 40 is called so by chance at most.",
        ),
    ),
)
