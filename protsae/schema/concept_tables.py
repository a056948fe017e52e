"""Tables of concepts: which are scored, and how common they are."""

from protsae.schema.table import Column, Table

BASE_RATES = Table(
    "base_rates",
    1,
    "one row per concept, in the order of Concepts",
    ("concept",),
    (
        Column("concept", "text", "see Concepts", "Name of the concept."),
        Column("concept_type", "text", "see Concepts", "Type of the concept."),
        Column(
            "base_rate",
            "number",
            "0 to 1",
            "Share of the residues that have the concept, n_residues / n_known.",
        ),
        Column("n_residues", "integer", "≥ 0", "Number of residues with the concept."),
        Column("n_known", "integer", "≥ 1", "Number of residues whose label is known."),
        Column("n_proteins", "integer", "≥ 0", "Number of proteins with the concept."),
    ),
)

_COUNTS = {
    "residues": "Number of {set} residues with the concept.",
    "known": "Number of {set} residues whose label is known.",
    "instances": "Number of annotated instances in the {set} set. Empty for concepts without any.",
    "proteins": "Number of {set} proteins with the concept.",
    "clusters": "Number of {set} homology clusters with the concept.",
}

_SETS = {"train": "training", "valid": "validation", "test": "test"}

CONCEPTS = Table(
    "concepts",
    2,
    "one row per concept of the input, scored or not",
    ("concept",),
    (
        Column(
            "concept",
            "text",
            "see Concepts",
            "Name of the concept, or a UniProt feature type that yields none.",
        ),
        Column("concept_type", "text", "see Concepts", "Type of that concept."),
        Column(
            "left_out", "text", "words", "Reason why it is not scored. Empty if it is scored.", True
        ),
        *(
            Column(f"{split}_{name}", "integer", "≥ 0", meaning.format(set=of_set), True)
            for split, of_set in _SETS.items()
            for name, meaning in _COUNTS.items()
        ),
    ),
)
