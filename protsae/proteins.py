"""Proteins and their sequence features: what UniProt calls them, which residues they mean.

Positions are 1-based and inclusive throughout, as UniProt writes them.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Feature:
    """One line of a UniProt feature table.

    Attributes
    ----------
    type : str
        Swiss-Prot key (``HELIX``), or the name as found if no key is known for it.
    start, end : int or None
        First and last residue, 1-based inclusive; None where UniProt gives no exact position.
    description : str
        Free text; for binding sites the ligand first.
    evidence : str
        ECO codes, comma-joined, e.g. ``"ECO:0000269,ECO:0007744"``.
    isoform : str
        Sequence that the positions refer to, if it is not the entry's own (``"P12345-2"``).
    """

    type: str
    start: int | None
    end: int | None
    description: str = ""
    evidence: str = ""
    isoform: str = ""


@dataclass(frozen=True, slots=True)
class Protein:
    """A protein as an input file describes it, before any cleaning or filter.

    Attributes
    ----------
    entry_name, organism : str
        Empty where the input has none.
    fragment : bool
        UniProt flags the sequence as a fragment.
    inactive : bool
        UniProt has deleted, merged or demerged the entry, which leaves no sequence.
    """

    accession: str
    entry_name: str
    organism: str
    taxon_id: int | None
    sequence: str
    fragment: bool = False
    features: tuple[Feature, ...] = ()
    inactive: bool = False


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
    """

    key: str
    rest_name: str
    kind: Literal["span", "ends"] = "span"
    left_out: str = ""
    merged_into: str = ""


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
        FeatureType("CA_BIND", "Calcium binding", merged_into="BINDING"),
    )
}
"""Every feature type of UniProtKB by its Swiss-Prot key, in the order of the UniProt manual."""

_KEY_OF_REST_NAME = {row.rest_name: key for key, row in FEATURE_TYPES.items()}


def feature_key(name: str) -> str:
    """Swiss-Prot key of a feature type given by key or REST name; unknown names as they are.

    Examples
    --------
    >>> feature_key("Beta strand"), feature_key("STRAND"), feature_key("Frobnication")
    ('STRAND', 'STRAND', 'Frobnication')
    """
    return _KEY_OF_REST_NAME.get(name, name)


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


@dataclass
class FeatureCounts:
    """What became of the features of the kept proteins.

    Attributes
    ----------
    kept : Counter
        By type, after merging.
    left_out : Counter
        By (type, reason).
    merged : Counter
        Those kept under another name, by their old type.
    """

    kept: Counter[str] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    merged: Counter[str] = field(default_factory=Counter)


def select_features(protein: Protein, counts: FeatureCounts) -> list[Feature]:
    """Features of a protein that are concepts and have exact ends, sorted by start, then end.

    METAL, NP_BIND and CA_BIND come out as BINDING. What is left out is counted with its reason:
    an unknown type, a type that is no concept, positions on an isoform, ends that are fuzzy or
    unknown, or outside the sequence.
    """
    kept = []
    for feature in protein.features:
        row = FEATURE_TYPES.get(feature.type)
        reason = _reason_left_out(feature, row, len(protein.sequence))
        if reason or row is None:
            counts.left_out[feature.type, reason] += 1
            continue
        if row.merged_into:
            counts.merged[row.key] += 1
        kept.append(_renamed(feature, row.merged_into or row.key))
    counts.kept.update(feature.type for feature in kept)
    return sorted(kept, key=_order)


def _reason_left_out(feature: Feature, row: FeatureType | None, length: int) -> str:
    if row is None:
        return "unknown feature type"
    if row.left_out:
        return row.left_out
    if feature.isoform:
        return "positions refer to an isoform"
    if feature.start is None or feature.end is None:
        return "fuzzy or unknown end"
    if feature.start > feature.end:
        return "start after end"
    if feature.start < 1 or feature.end > length:
        return "outside the sequence"
    return ""


def _renamed(feature: Feature, key: str) -> Feature:
    return Feature(key, feature.start, feature.end, feature.description, feature.evidence)


def _order(feature: Feature) -> tuple[int, int, str, str]:
    return feature.start or 0, feature.end or 0, feature.type, feature.description
