"""Which features of an SAE those of other seeds match."""

from protsae.schema.shared_columns import IDENTITY
from protsae.schema.table import Column, Table

STABILITY = Table(
    "stability",
    1,
    "one row per other seed and feature",
    ("model", "layer", "variant", "seed", "feature"),
    (
        *IDENTITY,
        Column("seed", "integer", "≥ 1", "Seed of the other SAE, which lies in `seed-<seed>`."),
        Column(
            "active_clusters",
            "integer",
            "≥ 0",
            "Number of test homology clusters in which the feature is active at a residue.",
        ),
        Column(
            "variance_share",
            "number",
            "any",
            "Share of the variance of the layer activations that the feature accounts for, "
            "Σ f (w · (x - x̄)) / Σ‖x - x̄‖², with w its decoder vector.",
        ),
        Column(
            "match",
            "integer",
            "≥ 0",
            "Index of the other SAE's feature with the largest correlation.",
            True,
        ),
        Column(
            "correlation",
            "number",
            "-1 to 1",
            "Pearson correlation of their activations over the test residues, or 200,000 of them "
            "if there are more. Empty if the feature is active at none.",
            True,
        ),
        Column(
            "random_correlation",
            "number",
            "-1 to 1",
            "Largest correlation with one of as many random directions, of which each residue "
            "keeps as many as the other SAE has active on average.",
            True,
        ),
        Column(
            "exchanged_correlation",
            "number",
            "-1 to 1",
            "Largest correlation with a feature of the other SAE in another protein: each protein "
            "gets the activations of one of similar length and of another homology cluster, at the "
            "same relative places.",
            True,
        ),
        Column(
            "cosine",
            "number",
            "-1 to 1",
            "Largest cosine similarity of the decoder vector with one of the other SAE.",
        ),
        Column(
            "random_cosine",
            "number",
            "-1 to 1",
            "Largest cosine similarity of the decoder vector with one of the random directions.",
        ),
    ),
)
