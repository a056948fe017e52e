r"""UniProt feature descriptions to names that group the same thing across proteins and releases.

The rules, in order (``"EGF-like 2; calcium-binding"`` becomes ``"EGF-like"``):

1. the qualifier after the first ``;`` is cut ("; by PKA", "; Name=1", "; catalytic"); a bracket
   that it leaves open is closed,
2. evidence words in brackets at the end ("(By similarity)") and a final full stop are cut,
3. partners are cut: "(with C-20)", "(between A and B chains)", "(interchain with K-48 in ...)";
   "(interchain with G-Cter in ubiquitin)" stays, as it tells the modifications apart,
4. copy numbers are cut: "ANK 1", "TPR 1-2", "Coil 1A", "Iron-sulfur 2 (4Fe-4S)", "(heme 1 axial
   ligand)". A number or letter that is part of the name stays: "Peptidase S8", "RNase III",
   "tr-type G", "ABC transmembrane type-1",
5. what is left without a name ("By similarity", "Alternate", "Or 24", a bare number) is unnamed,
6. CARBOHYD: the amino acid and the form of the glycan are cut, because releases before 2014 lack
   them: "N-linked (GlcNAc...) (complex) asparagine" becomes "N-linked (GlcNAc...)",
7. METAL, NP_BIND and CA_BIND became BINDING in 2022: they are read as BINDING. The name of a
   BINDING is its ligand, and old names of ligands are read as today's: "Zinc" is "Zn(2+)", "FAD
   (covalent)" is "FAD", "Acetyl-CoA" is "acetyl-CoA". A note alone ("axial binding residue")
   is no name.
"""

import re
from functools import lru_cache

from protsae.proteins.records import FEATURE_TYPES

_EVIDENCE = re.compile(
    r"\s*\((?:by similarity|potential|probable|curated|uncertain)\)\s*\.?$", re.IGNORECASE
)
_PARTNER = re.compile(
    r"\s*\((?:with|between|interchain (?:with|between)) (?!G-Cter)(?:[^()]|\([^()]*\))*\)"
)
_COPY = re.compile(r"(?:\s+|^)\d+(?:-\d+|[A-Z])?(?=$|\s*\()")
_COPY_IN_BRACKETS = re.compile(r"(?<=\()([^()]*?heme(?: [A-Z])?) \d+(?= [^()]*ligand\))")
_UNNAMED = re.compile(
    r"(?:by similarity|potential|probable|curated|alternate|or(?: \d.*)?)?", re.IGNORECASE
)
_GLYCAN = re.compile(
    r"(?: \((?:complex|high mannose|hybrid|paucimannose|polylactosaminoglycan)\))?"
    r"(?: (?:asparagine|serine|threonine|tyrosine|tryptophan|lysine|hydroxylysine|hydroxyproline"
    r"|arginine|cysteine))?$"
)
_LIGANDS = [
    (re.compile(old), new)
    for old, new in (
        (r"Iron-sulfur \((\dFe-\dS).*\)", r"[\1] cluster"),
        (r"Iron \(heme [Bb]\d* .*\)", "heme b"),
        (r"Iron \(heme [Cc]\d* .*\)", "heme c"),
        (r"Iron \(.*heme.*\)|Heme(?: \(covalent\))?", "heme"),
        (r"Iron", "Fe cation"),
        (r"Copper(?: [AB]\d?)?", "Cu cation"),
        (r"Zinc", "Zn(2+)"),
        (r"Magnesium", "Mg(2+)"),
        (r"Manganese", "Mn(2+)"),
        (r"Calcium", "Ca(2+)"),
        (r"Nickel", "Ni(2+)"),
        (r"Cobalt", "Co(2+)"),
        (r"Sodium", "Na(+)"),
        (r"Potassium", "K(+)"),
        (r"Divalent metal cation", "a divalent metal cation"),
        (r"(NADP?)", r"\1(+)"),
        (r"Coenzyme A", "CoA"),
        (r"Thiamine pyrophosphate", "thiamine diphosphate"),
        (r"Pyridoxal phosphate", "pyridoxal 5'-phosphate"),
    )
]
_LIGAND_NOTE = re.compile(r" (?:\((?:covalent|flavin part|ADP part)\)|binding)$")
_NO_LIGAND = re.compile(r"(?:(?:axial|proximal|distal) binding residue|covalent|catalytic|via .*)?")
# A word, not a symbol (Zn), a prefix (N-) or an abbreviation (ATP).
_CAPITAL = re.compile(r"[A-Z][a-z]{3}")


def base_name(description: str) -> str:
    """Description of a feature without qualifier, evidence, partner and copy number (rules 1-5).

    Returns
    -------
    str
        Empty for a feature that has no name.

    Examples
    --------
    >>> [base_name(text) for text in ("EGF-like 1; calcium-binding", "Zinc 1", "By similarity")]
    ['EGF-like', 'Zinc', '']
    """
    name = description.split(";")[0].strip()
    name = _EVIDENCE.sub("", name + ")" * (name.count("(") - name.count(")")))
    name = _PARTNER.sub("", name.removesuffix("."))
    name = _COPY_IN_BRACKETS.sub(r"\1", name)
    name = _COPY.sub("", name).strip()
    return "" if _UNNAMED.fullmatch(name) else name


@lru_cache(maxsize=1 << 16)
def feature_name(feature_type: str, description: str) -> tuple[str, str]:
    """Type and name under which a feature is counted (rules 1-7).

    Returns
    -------
    (str, str)
        Today's feature type, and the name: empty for a feature that has none.

    Raises
    ------
    ValueError
        If the type is no Swiss-Prot key.

    Examples
    --------
    >>> feature_name("METAL", "Zinc 1; via tele nitrogen")
    ('BINDING', 'Zn(2+)')
    >>> feature_name("MOD_RES", "Phosphoserine; by PKA")
    ('MOD_RES', 'Phosphoserine')
    """
    if feature_type not in FEATURE_TYPES:
        raise ValueError(f"unknown feature type {feature_type!r}")
    if feature_type == "CA_BIND":
        return "BINDING", "Ca(2+)"
    name = base_name(description)
    merged = FEATURE_TYPES[feature_type].merged_into or feature_type
    if merged == "BINDING":
        name = _ligand(name)
    elif merged == "CARBOHYD":
        name = _GLYCAN.sub("", name)
    return merged, name


def _ligand(name: str) -> str:
    """Today's name of a ligand; empty if the name is none."""
    name = _LIGAND_NOTE.sub("", name)
    for old, new in _LIGANDS:
        if match := old.fullmatch(name):
            return match.expand(new)
    if _NO_LIGAND.fullmatch(name):
        return ""
    return name[0].lower() + name[1:] if _CAPITAL.match(name) else name
