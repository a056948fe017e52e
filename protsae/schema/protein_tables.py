"""Tables of the proteins of a run and of what is known of them."""

from dataclasses import replace

from protsae.schema.table import Column, Table

PROTEINS = Table(
    "proteins",
    2,
    "one row per protein kept",
    ("accession",),
    (
        Column(
            "accession",
            "text",
            "UniProt",
            "Primary UniProt accession, or the identifier in the FASTA file.",
        ),
        Column("entry_name", "text", "UniProt", "UniProt entry name, such as INS_HUMAN.", True),
        Column("organism", "text", "name", "Scientific name of the organism.", True),
        Column("taxon_id", "integer", "NCBI", "NCBI taxonomy identifier of the organism.", True),
        Column("length", "integer", "≥ 1", "Number of residues."),
        Column("sequence", "text", "letters A to Z", "Amino-acid sequence in one-letter code."),
        Column(
            "cluster",
            "text",
            "accession",
            "Homology cluster, named by the accession of its representative.",
        ),
        Column(
            "split",
            "text",
            "train, valid, test, left out",
            "Split of the protein. A homology cluster is never in two splits; a protein that joins "
            "clusters of two splits is left out.",
        ),
        Column(
            "has_relative_in_train",
            "boolean",
            "true, false",
            "True for a validation or test protein with a relative in the training set that only a "
            "sensitive search finds (relatives.tsv).",
        ),
    ),
)

_IDENTITY = PROTEINS.only(["accession", "entry_name", "organism", "taxon_id", "length", "sequence"])

FETCHED = replace(_IDENTITY, name="fetched", version=1)

FURTHER = replace(
    _IDENTITY,
    name="further",
    version=1,
    rows="one row per further protein that SAEs train on",
)

RELATIVES = Table(
    "relatives",
    1,
    "one row per validation or test protein with a relative in the training set",
    ("accession",),
    (
        Column("accession", "text", "UniProt", "Validation or test protein."),
        Column("split", "text", "valid, test", "Split of that protein."),
        Column("relative", "text", "UniProt", "Training protein with the best alignment to it."),
        Column(
            "identity",
            "number",
            "0 to 1",
            "Share of the columns of the alignment with identical residues.",
        ),
        Column("aligned", "integer", "≥ 1", "Number of the protein's residues in the alignment."),
        Column("length", "integer", "≥ 1", "Number of residues of the protein."),
        Column(
            "e_value",
            "number",
            "≥ 0",
            "E-value: number of hits this good that are expected by chance among all training "
            "proteins.",
        ),
    ),
)

ANNOTATIONS = Table(
    "annotations",
    2,
    "one row per annotated interval of residues",
    ("accession", "type", "start", "end", "description"),
    (
        Column("accession", "text", "UniProt", "Annotated protein."),
        Column(
            "type",
            "text",
            "Swiss-Prot key",
            "Type of the UniProt feature, such as HELIX, SIGNAL or DISULFID.",
        ),
        Column(
            "description", "text", "free text", "Description of the UniProt feature; may be empty."
        ),
        Column("start", "integer", "≥ 1", "First residue, 1-based."),
        Column("end", "integer", "≥ start", "Last residue, inclusive."),
        Column("evidence", "text", "ECO codes", "Evidence codes of the annotation.", True),
        Column(
            "certain",
            "boolean",
            "true, false",
            "False if the exact ends are not known, so that each of these residues may or may not "
            "be covered.",
        ),
    ),
)
