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
    "DISULFID": ("cystine", "S-S bond", "disulphide", "disulfide bridge"),
    "CROSSLNK": ("isopeptide bond", "ubiquitin"),
    "HELIX": ("alpha helix", "secondary structure"),
    "STRAND": ("beta sheet", "secondary structure"),
    "TURN": ("secondary structure",),
}


_LIGANDS = {
    "Zn": "zinc",
    "Mg": "magnesium",
    "Ca": "calcium",
    "Mn": "manganese",
    "Fe": "iron",
    "Cu": "copper",
    "Co": "cobalt",
    "Ni": "nickel",
    "Na": "sodium",
    "K": "potassium",
}
"""Metals in words, as UniProt writes them: Zn(2+)."""

_AMINO_ACIDS = {
    "A": ("alanine", "Ala"),
    "C": ("cysteine", "Cys"),
    "D": ("aspartate", "Asp"),
    "E": ("glutamate", "Glu"),
    "F": ("phenylalanine", "Phe"),
    "G": ("glycine", "Gly"),
    "H": ("histidine", "His"),
    "I": ("isoleucine", "Ile"),
    "K": ("lysine", "Lys"),
    "L": ("leucine", "Leu"),
    "M": ("methionine", "Met"),
    "N": ("asparagine", "Asn"),
    "P": ("proline", "Pro"),
    "Q": ("glutamine", "Gln"),
    "R": ("arginine", "Arg"),
    "S": ("serine", "Ser"),
    "T": ("threonine", "Thr"),
    "V": ("valine", "Val"),
    "W": ("tryptophan", "Trp"),
    "Y": ("tyrosine", "Tyr"),
}
"""Names of the amino acids, and three letters."""


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
    """Other words for a concept: for its type, its metal or its amino acid; none if it has none.

    Examples
    --------
    >>> synonyms("DISULFID"), synonyms("residue: C"), synonyms("BINDING: Zn(2+)")[-1]
    (('cystine', 'S-S bond', 'disulphide', 'disulfide bridge'), ('cysteine', 'Cys'), 'zinc')
    """
    kind, _, rest = name.partition(": ")
    others = _SYNONYMS.get(kind, ())
    if kind == "residue":
        return _AMINO_ACIDS.get(rest, ())
    metal = _LIGANDS.get(rest.partition("(")[0]) if rest.endswith("+)") else None
    return (*others, metal) if metal else others
