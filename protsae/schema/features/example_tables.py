"""Tables that show features: proteins at every strength, and sequence logos."""

from protsae.schema.shared_columns import IDENTITY
from protsae.schema.table import Column, Table

EXAMPLES = Table(
    "examples",
    2,
    "one row per feature, selection and example protein",
    ("model", "layer", "variant", "feature", "selection", "rank"),
    (
        *IDENTITY,
        Column(
            "selection",
            "text",
            "see Examples",
            "What the example was chosen to show: the strongest activations, those of a given "
            "strength, or where the feature and its concept disagree.",
        ),
        Column("rank", "integer", "≥ 1", "Place of the protein in its selection."),
        Column("accession", "text", "UniProt", "Protein with the example."),
        Column("cluster", "text", "accession", "Homology cluster of the protein."),
        Column("split", "text", "train, valid or test", "Part that the protein belongs to."),
        Column(
            "peak",
            "integer",
            "≥ 1",
            "Position that was chosen, 1-based: the highest activation of the protein (strongest, "
            "unannotated), a residue drawn at random (quantile ...), or the first one with the "
            "concept (silent).",
        ),
        Column("start", "integer", "≥ 1", "First residue of the window shown, 1-based."),
        Column("end", "integer", "≥ start", "Last residue of the window shown, inclusive."),
        Column("activation", "number", "≥ 0", "Activation at the peak."),
        Column(
            "annotations",
            "text",
            "CONCEPT start-end; ...",
            "UniProt annotations that overlap the window, of the concepts that were scored. Empty "
            "if there are none.",
            True,
        ),
        Column(
            "activations",
            "list of numbers",
            "≥ 0",
            "Activation of each residue from start to end.",
        ),
    ),
)

LOGOS = Table(
    "logos",
    1,
    "one row per feature and offset from the peak",
    ("model", "layer", "variant", "feature", "offset"),
    (
        *IDENTITY,
        Column(
            "offset",
            "integer",
            "-10 to 10",
            "Residues from the peak; negative ones are nearer to the N-terminus.",
        ),
        Column(
            "n_windows",
            "integer",
            "≥ 0",
            "Number of windows with one of the 20 amino acids at that offset; each window is of "
            "another homology cluster.",
        ),
        Column(
            "information",
            "number",
            "bits ≥ 0",
            "Relative entropy of frequencies against background, in bits, corrected for the "
            "number of windows. It is the height of the logo at that offset.",
        ),
        Column(
            "enriched",
            "text",
            "amino acids",
            "Amino acids that are more frequent than both the composition of the proteins and the "
            "place in the chain explain, with q ≤ 0.05 over all amino acids, offsets and "
            "features; the most certain first. Empty if there are none.",
            True,
        ),
        Column(
            "frequencies",
            "list of numbers",
            "0 to 1",
            "Share of the windows with each amino acid, in the order ACDEFGHIKLMNPQRSTVWY.",
        ),
        Column(
            "background",
            "list of numbers",
            "0 to 1",
            "Expected shares, in the same order: from the composition of the protein or from the "
            "place in the chain, whichever is larger, scaled to a sum of 1, to 4 decimals.",
        ),
    ),
)
