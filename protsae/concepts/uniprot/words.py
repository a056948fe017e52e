"""Concepts in UniProt's own words, with synonyms, so that a search finds them."""

_WORDS = {
    "SIGNAL": "signal peptide",
    "TRANSIT": "transit peptide",
    "PROPEP": "propeptide",
    "PEPTIDE": "peptide",
    "TOPO_DOM": "topological domain",
    "TRANSMEM": "transmembrane segment",
    "INTRAMEM": "intramembrane segment",
    "DOMAIN": "domain",
    "REPEAT": "repeat",
    "ZN_FING": "zinc finger",
    "DNA_BIND": "DNA-binding region",
    "REGION": "region of interest",
    "COILED": "coiled coil",
    "MOTIF": "motif",
    "COMPBIAS": "compositional bias",
    "ACT_SITE": "active site",
    "BINDING": "binding site",
    "SITE": "site",
    "NON_STD": "non-standard residue",
    "MOD_RES": "modified residue",
    "LIPID": "lipidation site",
    "CARBOHYD": "glycosylation site",
    "DISULFID": "disulfide bond",
    "CROSSLNK": "cross-link",
    "HELIX": "helix",
    "STRAND": "beta strand",
    "TURN": "turn",
}
"""What the pages of UniProt call each feature type."""

_SYNONYMS = {
    "SIGNAL": ("leader peptide", "signal sequence", "secretion"),
    "TRANSIT": ("targeting peptide", "presequence", "mitochondrion", "chloroplast"),
    "PROPEP": ("prodomain", "activation peptide"),
    "TRANSMEM": ("transmembrane helix", "membrane-spanning", "TM helix"),
    "TOPO_DOM": ("cytoplasmic", "extracellular", "lumenal", "topology"),
    "ZN_FING": ("zinc-binding domain",),
    "COILED": ("leucine zipper", "heptad repeat"),
    "COMPBIAS": ("low complexity", "biased composition"),
    "ACT_SITE": ("catalytic residue", "enzyme"),
    "BINDING": ("ligand", "cofactor", "metal"),
    "MOD_RES": ("PTM", "phosphorylation", "acetylation", "methylation"),
    "LIPID": ("palmitoylation", "myristoylation", "prenylation", "GPI anchor"),
    "CARBOHYD": ("glycan", "N-linked", "O-linked"),
    "DISULFID": ("cystine", "S-S bond"),
    "CROSSLNK": ("isopeptide bond", "ubiquitin"),
    "HELIX": ("alpha helix", "secondary structure"),
    "STRAND": ("beta sheet", "secondary structure"),
    "TURN": ("secondary structure",),
}


def concept_words(name: str) -> str:
    """A concept in words; names that are no UniProt feature stay as they are.

    Examples
    --------
    >>> concept_words("SIGNAL"), concept_words("TOPO_DOM: Cytoplasmic"), concept_words("residue: C")
    ('signal peptide', 'topological domain: Cytoplasmic', 'residue: C')
    """
    kind, colon, rest = name.partition(": ")
    return f"{_WORDS.get(kind, kind)}{colon}{rest}"


def synonyms(name: str) -> tuple[str, ...]:
    """Other words for the type of a concept; none for those that have none.

    Examples
    --------
    >>> synonyms("DISULFID")
    ('cystine', 'S-S bond')
    """
    return _SYNONYMS.get(name.partition(": ")[0], ())
