"""Neighbours, communities and the map of features."""

from protsae.schema.shared_columns import IDENTITY, LAYER, MODEL, VARIANT
from protsae.schema.table import Column, Table

NEIGHBOURS = Table(
    "neighbours",
    1,
    "one row per feature, kind of neighbour and rank",
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
            "valid, one protein of each homology cluster, so that relatives do not count twice.",
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
    "one row per community and concept that two or more of its features have",
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
            "`n_with` of a random community: n_features · n_with_anywhere / n_annotated.",
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
