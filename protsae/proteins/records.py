"""Proteins and their sequence features: what UniProt calls them, which residues they mean.

Positions are 1-based and inclusive throughout, as UniProt writes them.
"""

import re
from dataclasses import dataclass
from typing import Literal

from protsae.one_line import shown

Mark = Literal["", "<", ">", "?"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One line of a UniProt feature table.

    Attributes
    ----------
    type : str
        Swiss-Prot key (``HELIX``), or the name as found if no key is known for it.
    start, end : int or None
        First and last residue, 1-based inclusive; None where UniProt gives none (``?``).
    description : str
        Free text; for binding sites the ligand first.
    evidence : str
        ECO codes, comma-joined, e.g. ``"ECO:0000269,ECO:0007744"``.
    isoform : str
        Sequence that the positions refer to, if it is not the entry's own (``"P12345-2"``).
    start_mark, end_mark : {"", "<", ">", "?"}
        What UniProt writes before a position that is not exact: ``<5`` starts before residue 5,
        ``>20`` ends after residue 20, ``?22`` is somewhere near 22.
    """

    type: str
    start: int | None
    end: int | None
    description: str = ""
    evidence: str = ""
    isoform: str = ""
    start_mark: Mark = ""
    end_mark: Mark = ""


@dataclass(frozen=True, slots=True)
class Protein:
    """A protein as an input file describes it, before any cleaning or filter.

    Attributes
    ----------
    entry_name, organism : str
        Empty where the input has none.
    fragment : bool
        UniProt flags the sequence as a fragment.
    inactive : str
        ``"deleted"``, ``"merged"``, ``"demerged"`` or, if UniProt does not say which,
        ``"inactive"``: UniProt has retired the entry, which leaves no sequence. Empty otherwise.
    """

    accession: str
    entry_name: str
    organism: str
    taxon_id: int | None
    sequence: str
    fragment: bool = False
    features: tuple[Feature, ...] = ()
    inactive: str = ""


@dataclass(frozen=True, slots=True)
class FeatureType:
    """What a type of UniProt feature means for residues, and whether protsae scores it.

    Attributes
    ----------
    key, rest_name : str
        Name in Swiss-Prot flat text (``ZN_FING``) and in REST JSON (``Zinc finger``).
    kind : {"span", "ends"}
        Every residue from start to end, or only the two ends, which a bond joins.
    left_out : str
        Why it is no concept; empty if it is one.
    merged_into : str
        Key of the type that has replaced this one; empty for types in use.
    ligand : str
        What a replaced type binds by its very name; empty if its descriptions say it.
    """

    key: str
    rest_name: str
    kind: Literal["span", "ends"] = "span"
    left_out: str = ""
    merged_into: str = ""
    ligand: str = ""


_WHOLE = "covers nearly the whole protein"
_INCOMPLETE = "marks a gap or an end of an incomplete sequence"
_UNCERTAIN = "marks doubt about the sequence"
_DIFFERENCE = "describes another sequence than the one given"
_EXPERIMENT = "describes an experiment, not the natural protein"
_FIRST = "initiator methionine is always residue 1"

FEATURE_TYPES: dict[str, FeatureType] = {
    row.key: row
    for row in (
        FeatureType("INIT_MET", "Initiator methionine", left_out=_FIRST),
        FeatureType("SIGNAL", "Signal"),
        FeatureType("TRANSIT", "Transit peptide"),
        FeatureType("PROPEP", "Propeptide"),
        FeatureType("CHAIN", "Chain", left_out=_WHOLE),
        FeatureType("PEPTIDE", "Peptide"),
        FeatureType("TOPO_DOM", "Topological domain"),
        FeatureType("TRANSMEM", "Transmembrane"),
        FeatureType("INTRAMEM", "Intramembrane"),
        FeatureType("DOMAIN", "Domain"),
        FeatureType("REPEAT", "Repeat"),
        FeatureType("ZN_FING", "Zinc finger"),
        FeatureType("DNA_BIND", "DNA binding"),
        FeatureType("REGION", "Region"),
        FeatureType("COILED", "Coiled coil"),
        FeatureType("MOTIF", "Motif"),
        FeatureType("COMPBIAS", "Compositional bias"),
        FeatureType("ACT_SITE", "Active site"),
        FeatureType("BINDING", "Binding site"),
        FeatureType("SITE", "Site"),
        FeatureType("NON_STD", "Non-standard residue"),
        FeatureType("MOD_RES", "Modified residue"),
        FeatureType("LIPID", "Lipidation"),
        FeatureType("CARBOHYD", "Glycosylation"),
        FeatureType("DISULFID", "Disulfide bond", kind="ends"),
        FeatureType("CROSSLNK", "Cross-link", kind="ends"),
        FeatureType("VAR_SEQ", "Alternative sequence", left_out=_DIFFERENCE),
        FeatureType("VARIANT", "Natural variant", left_out=_DIFFERENCE),
        FeatureType("MUTAGEN", "Mutagenesis", left_out=_EXPERIMENT),
        FeatureType("UNSURE", "Sequence uncertainty", left_out=_UNCERTAIN),
        FeatureType("CONFLICT", "Sequence conflict", left_out=_UNCERTAIN),
        FeatureType("NON_CONS", "Non-adjacent residues", left_out=_INCOMPLETE),
        FeatureType("NON_TER", "Non-terminal residue", left_out=_INCOMPLETE),
        FeatureType("HELIX", "Helix"),
        FeatureType("STRAND", "Beta strand"),
        FeatureType("TURN", "Turn"),
        # Merged into BINDING by UniProt release 2022_03; older files still have them.
        FeatureType("METAL", "Metal binding", merged_into="BINDING"),
        FeatureType("NP_BIND", "Nucleotide binding", merged_into="BINDING"),
        FeatureType("CA_BIND", "Calcium binding", merged_into="BINDING", ligand="Ca(2+)"),
    )
}
"""Every feature type of UniProtKB by its Swiss-Prot key, in the order of the UniProt manual."""

_LARGEST_TAXON = 2**63 - 1

_KEY_OF_REST_NAME = {row.rest_name: key for key, row in FEATURE_TYPES.items()}


def feature_key(name: str) -> str:
    """Swiss-Prot key of a feature type given by key or REST name; unknown names as they are.

    Examples
    --------
    >>> feature_key("Beta strand"), feature_key("STRAND"), feature_key("Frobnication")
    ('STRAND', 'STRAND', 'Frobnication')
    """
    return _KEY_OF_REST_NAME.get(name, name)


def taxon_number(value: object) -> int | None:
    """An NCBI taxon, given as a number, its digits or None.

    Raises
    ------
    ValueError
        If it is anything else, or too large for a column of 64 bits.

    Examples
    --------
    >>> taxon_number("9606"), taxon_number(562), taxon_number(None)
    (9606, 562, None)
    """
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if type(value) is not int or not 0 <= value <= _LARGEST_TAXON:
        raise ValueError(f"taxon is {shown(value)}; expected a number of NCBI's taxonomy")
    return value


def residue_spans(feature_type: str, start: int, end: int) -> list[tuple[int, int]]:
    """Residues that a feature annotates, as 1-based inclusive spans.

    Bonds (DISULFID, CROSSLNK) annotate the residues they join and nothing between them; with
    ``start == end`` the partner is on another chain.

    Raises
    ------
    ValueError
        If the type is not a key of `FEATURE_TYPES`, or ``start > end`` or ``start < 1``.

    Examples
    --------
    >>> residue_spans("HELIX", 3, 9)
    [(3, 9)]
    >>> residue_spans("DISULFID", 3, 9), residue_spans("DISULFID", 3, 3)
    ([(3, 3), (9, 9)], [(3, 3)])
    """
    if feature_type not in FEATURE_TYPES:
        raise ValueError(f"unknown feature type {feature_type!r}")
    if not 1 <= start <= end:
        raise ValueError(f"{feature_type} {start}..{end}: expected 1 <= start <= end")
    if FEATURE_TYPES[feature_type].kind == "ends" and start != end:
        return [(start, start), (end, end)]
    return [(start, end)]


def binding_description(
    ligand: str | None,
    part: str | None,
    label: str | None,
    ligand_note: str | None,
    note: str | None,
) -> str:
    """Description of a feature from the qualifiers that UniProt gives it, the ligand first.

    Only binding sites have a ligand; the description of any other feature is its note.

    Parameters
    ----------
    ligand : str, optional
        What is bound, e.g. ``"heme b"``.
    part : str, optional
        Part of the ligand that touches the residue, e.g. ``"Fe"``.
    label : str, optional
        Tells ligands of one name apart, e.g. ``"2"`` or ``"b562"``.
    ligand_note, note : str, optional
        Free text on the ligand, and on the feature.

    Examples
    --------
    >>> binding_description("heme b", "Fe", "b562", None, "axial binding residue")
    'heme b; part Fe; label b562; axial binding residue'
    """
    part, label = part and f"part {part}", label and f"label {label}"
    return "; ".join(text for text in (ligand, part, label, ligand_note, note) if text)
