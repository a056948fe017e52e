"""Tables of the proteins of a run and of what is known of them."""

from dataclasses import replace

from protsae.schema.table import Column, Table

PROTEINS = Table(
    "proteins",
    2,
    "one row per protein kept",
    ("accession",),
    (
        Column("accession", "text", "UniProt", "primary accession, or the FASTA identifier"),
        Column("entry_name", "text", "UniProt", "entry name, e.g. INS_HUMAN", True),
        Column("organism", "text", "name", "organism, scientific name", True),
        Column("taxon_id", "integer", "NCBI", "taxonomy identifier of the organism", True),
        Column("length", "integer", "≥ 1", "residues"),
        Column("sequence", "text", "letters A to Z", "one letter per residue"),
        Column("cluster", "text", "accession", "representative of its homology cluster"),
        Column(
            "split",
            "text",
            "train, valid, test, left out",
            "no cluster is in two of them; left out: a protein that joins clusters of two parts",
        ),
        Column(
            "has_relative_in_train",
            "boolean",
            "true, false",
            "of valid and test: a sensitive search finds a relative in train (relatives.tsv)",
        ),
    ),
)

FETCHED = replace(
    PROTEINS.only(["accession", "entry_name", "organism", "taxon_id", "length", "sequence"]),
    name="fetched",
    version=1,
)

RELATIVES = Table(
    "relatives",
    1,
    "one row per valid or test protein in which a sensitive search finds a train protein",
    ("accession",),
    (
        Column("accession", "text", "UniProt", "the protein"),
        Column("split", "text", "valid, test", "its part"),
        Column("relative", "text", "UniProt", "the train protein that it aligns with best"),
        Column("identity", "number", "0 to 1", "share of the alignment's columns that are equal"),
        Column("aligned", "integer", "≥ 1", "residues of the protein in the alignment"),
        Column("length", "integer", "≥ 1", "residues of the protein"),
        Column("e_value", "number", "≥ 0", "hits this good by chance among all train proteins"),
    ),
)

ANNOTATIONS = Table(
    "annotations",
    2,
    "one row per annotated stretch",
    ("accession", "type", "start", "end", "description"),
    (
        Column("accession", "text", "UniProt", "the protein"),
        Column("type", "text", "Swiss-Prot key", "e.g. HELIX, SIGNAL, DISULFID"),
        Column("description", "text", "free text", "UniProt's description; may be empty"),
        Column("start", "integer", "≥ 1", "first residue, 1-based"),
        Column("end", "integer", "≥ start", "last residue, inclusive"),
        Column("evidence", "text", "ECO codes", "evidence of the annotation; may be empty", True),
        Column("certain", "boolean", "true, false", "false: each residue may have it or lack it"),
    ),
)
