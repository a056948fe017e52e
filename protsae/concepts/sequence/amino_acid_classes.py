"""Physico-chemical classes of the 20 standard amino acids."""

CLASS_SOURCE = (
    "Taylor 1986, J. Theor. Biol. 119:205, as tabulated by Livingstone & Barton 1993, CABIOS 9:745"
)

CLASSES: dict[str, str] = {
    "hydrophobic": "ACFGHIKLMTVWY",
    "polar": "DEHKNQRSTWY",
    "small": "ACDGNPSTV",
    "tiny": "AGS",
    "aliphatic": "ILV",
    "aromatic": "FHWY",
    "positive": "HKR",
    "negative": "DE",
    "charged": "DEHKR",
}
"""Class name to its letters. Classes overlap: lysine and threonine are both hydrophobic (by their
long or branched aliphatic part) and polar. Ambiguity codes, U and O belong to no class."""
