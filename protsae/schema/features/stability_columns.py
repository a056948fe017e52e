"""What other seeds say of a feature: columns of the feature table."""

from protsae.schema.table import Column

STABILITY_COLUMNS = (
    Column(
        "stability",
        "number",
        "-1 to 1",
        "Mean over the SAEs of other seeds of the largest Pearson correlation of the activation "
        "with that of one of their features, over test residues. Empty for SAEs of one seed, and "
        "if the feature is active at no test residue.",
        True,
    ),
    Column(
        "random_stability",
        "number",
        "-1 to 1",
        "The same with random directions in place of those SAEs, as many and as sparse: what any "
        "dictionary has.",
        True,
    ),
    Column(
        "exchanged_stability",
        "number",
        "-1 to 1",
        "The same with the activations of those SAEs in other proteins, at the same relative "
        "places: what follows from position and from how often features are active.",
        True,
    ),
    Column(
        "stability_cosine",
        "number",
        "-1 to 1",
        "Mean over those SAEs of the largest cosine similarity of the decoder vector with one of "
        "theirs.",
        True,
    ),
    Column(
        "random_stability_cosine",
        "number",
        "-1 to 1",
        "The same with random directions in place of theirs.",
        True,
    ),
    Column(
        "recurs",
        "integer",
        "0 or 1",
        "1 if every other seed has a feature with a correlation of at least 0.71 (half of the "
        "variance) that exceeds, by a margin, those with random directions and with exchanged "
        "proteins (see Stability); otherwise 0. Empty if the feature is active in fewer than 10 "
        "test homology clusters, or the SAE has one seed.",
        True,
    ),
    Column(
        "variance_share",
        "number",
        "any",
        "Share of the variance of the layer activations that the feature accounts for in the "
        "reconstruction, over the same residues. Over all features of an SAE the shares add up to "
        "about 1 - fvu. Empty if the SAE has one seed.",
        True,
    ),
)
