"""From the features of an entry to annotated intervals: what counts, and how sure its ends are.

Where UniProt gives no exact end, a feature has no residues that are surely its own as a whole, and
others that are surely not: in between nobody knows. Such a feature gives intervals that are not
``certain``: the residues that it may cover, neither positive nor negative for its type.

- ``<1..30`` and ``60..>L`` in a chain of L residues only say that the feature goes on beyond the
  chain. They are exact within it.
- ``1..?`` may end anywhere, ``?..30`` start anywhere; both ends unknown, the whole chain. A stated
  place near the end (``1..?22``) bounds nothing, as UniProt does not say how near.
- ``<5..30`` starts at one of residues 1 to 4, and ``10..>20`` ends after 20. What lies between
  (5 to 30) is covered, but as a part of an instance whose length is not known it is unknown, too.
- What cleavage makes of a precursor (SIGNAL, TRANSIT, PROPEP, CHAIN, PEPTIDE) does not reach into
  its neighbour: ``1..?`` ends before the next of these that has an exact start, ``?..30`` starts
  after the last one that has an exact end.
- A bond (DISULFID, CROSSLNK) with one exact end has that residue for certain; its partner is any
  residue on the other side.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from protsae.one_line import cut
from protsae.proteins.records import FEATURE_TYPES, Feature, FeatureType, Protein

ISOFORM = "positions refer to an isoform"
"""Why a feature is left out whose positions count along another sequence than the entry's."""

_OUTSIDE = "outside the sequence"
_CLEAVED = frozenset(("SIGNAL", "TRANSIT", "PROPEP", "CHAIN", "PEPTIDE"))


@dataclass(frozen=True, slots=True)
class Annotation:
    """An interval of residues that has a feature or, if it is not certain, may have it.

    Attributes
    ----------
    type : str
        Swiss-Prot key of a type in use.
    start, end : int
        First and last residue, 1-based inclusive.
    certain : bool
        True: the feature as it is. False: every residue of the interval may have it or not.
    """

    type: str
    description: str
    start: int
    end: int
    evidence: str = ""
    certain: bool = True


@dataclass
class FeatureCounts:
    """What became of the features of the kept proteins.

    Attributes
    ----------
    kept : Counter
        Features with a certain interval, by type after merging.
    uncertain : Counter
        Features with an uncertain interval, by type after merging. A bond of which one end
        is exact is in both.
    left_out : Counter
        By (type, reason).
    merged : Counter
        Those that are not left out but come under another name, by their old type.
    beyond : str
        The first feature that lies outside its sequence, with its protein.
    """

    kept: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    merged: Counter[str] = field(default_factory=Counter)
    beyond: str = ""

    def leave_out(self, protein: Protein, feature: Feature, reason: str) -> None:
        """Count a feature that is left out."""
        self.left_out[feature.type, reason] += 1
        if reason == _OUTSIDE and not self.beyond:
            start, end = (
                f"{mark}{'?' if position is None else position}"
                for mark, position in (
                    (feature.start_mark, feature.start),
                    (feature.end_mark, feature.end),
                )
            )
            self.beyond = (
                f"{cut(protein.accession, 60)}: {feature.type} {start}..{end} of "
                f"{len(protein.sequence):,}"
            )

    def outside(self) -> str:
        """Number of features outside the sequence of their protein, with the first one."""
        n = sum(n for (_, reason), n in self.left_out.items() if reason == _OUTSIDE)
        return f"{n:,} outside the sequence" + (f" ({self.beyond})" if n else "")


def select_features(protein: Protein, counts: FeatureCounts) -> list[Annotation]:
    """Annotated intervals of a protein, sorted by start, then end.

    METAL, NP_BIND and CA_BIND come out as BINDING, calcium as the ligand of the last. What is left
    out is counted with its reason: an unknown type, a type that is no concept, positions on an
    isoform or outside the sequence.

    Examples
    --------
    >>> features = (Feature("SIGNAL", 1, None), Feature("CHAIN", 23, 90), Feature("SITE", 7, 7))
    >>> protein = Protein("P1", "", "", None, "M" * 90, features=features)
    >>> for found in select_features(protein, FeatureCounts()):
    ...     print(found.type, found.start, found.end, found.certain)
    SIGNAL 1 22 False
    SITE 7 7 True
    """
    length = len(protein.sequence)
    cleaved = [
        feature
        for feature in protein.features
        if feature.type in _CLEAVED and not _misplaced(feature, length)
    ]
    found: list[Annotation] = []
    for feature in protein.features:
        row = FEATURE_TYPES.get(feature.type)
        reason = _reason_left_out(feature, row, length)
        intervals = [] if reason or row is None else _intervals(feature, row, length, cleaved)
        if row is None or not intervals:
            counts.leave_out(protein, feature, reason or _OUTSIDE)
            continue
        key = row.merged_into or row.key
        _count(feature.type, key, {certain for _, _, certain in intervals}, counts)
        description = "; ".join(text for text in (row.ligand, feature.description) if text)
        found += [
            Annotation(key, description, start, end, feature.evidence, certain)
            for start, end, certain in intervals
        ]
    return sorted(found, key=lambda a: (a.start, a.end, a.type, a.description, not a.certain))


def _count(feature_type: str, key: str, certainties: set[bool], counts: FeatureCounts) -> None:
    if key != feature_type:
        counts.merged[feature_type] += 1
    if True in certainties:
        counts.kept[key] += 1
    if False in certainties:
        counts.uncertain[key] += 1


def _reason_left_out(feature: Feature, row: FeatureType | None, length: int) -> str:
    if row is None:
        return "unknown feature type"
    return row.left_out or _misplaced(feature, length)


def _misplaced(feature: Feature, length: int) -> str:
    """Why the positions of a feature are none of the sequence; empty if they are."""
    stated = [position for position in (feature.start, feature.end) if position is not None]
    if feature.isoform:
        return ISOFORM
    if sorted(stated) != stated:
        return "start after end"
    if any(not 1 <= position <= length for position in stated):
        return _OUTSIDE
    return ""


def _intervals(
    feature: Feature, row: FeatureType, length: int, cleaved: Iterable[Feature]
) -> list[tuple[int, int, bool]]:
    """Start, end and certainty of what a feature annotates."""
    if row.kind == "ends":
        return list(dict.fromkeys(_bond(feature, length)))
    start, end = _exact_start(feature), _exact_end(feature, length)
    if start is not None and end is not None:
        return [(start, end, True)]
    low, high = (
        _between_neighbours(feature, length, cleaved) if row.key in _CLEAVED else (1, length)
    )
    return [(low if start is None else start, high if end is None else end, False)]


def _exact_start(feature: Feature) -> int | None:
    beyond = feature.start_mark == "<" and feature.start == 1
    return feature.start if beyond or not feature.start_mark else None


def _exact_end(feature: Feature, length: int) -> int | None:
    beyond = feature.end_mark == ">" and feature.end == length
    return feature.end if beyond or not feature.end_mark else None


def _between_neighbours(
    feature: Feature, length: int, cleaved: Iterable[Feature]
) -> tuple[int, int]:
    """First and last residue that other products of cleavage leave to this one."""
    stated = [position for position in (feature.start, feature.end) if position is not None]
    if not stated:
        return 1, length
    ends = (_exact_end(other, length) for other in cleaved)
    starts = (_exact_start(other) for other in cleaved)
    last_before = max((end for end in ends if end is not None and end < stated[0]), default=0)
    first_after = min(
        (start for start in starts if start is not None and start > stated[-1]), default=length + 1
    )
    return last_before + 1, first_after - 1


def _bond(feature: Feature, length: int) -> Iterator[tuple[int, int, bool]]:
    """A bond with exact ends as it is; otherwise each of its ends, or where that may be."""
    if not (feature.start_mark or feature.end_mark or None in (feature.start, feature.end)):
        yield feature.start or 1, feature.end or length, True
        return
    start = None if feature.start_mark else feature.start
    end = None if feature.end_mark else feature.end
    for exact in (start, end):
        if exact is not None:
            yield exact, exact, True
    # An end beyond the chain is no residue of it: the range is empty then.
    before = feature.start if feature.start_mark == "<" and feature.start else end
    after = feature.end if feature.end_mark == ">" and feature.end else start
    if start is None and (last := (before or length + 1) - 1) >= 1:
        yield 1, last, False
    if end is None and (first := (after or 0) + 1) <= length:
        yield first, length, False
