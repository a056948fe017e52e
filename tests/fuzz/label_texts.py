"""Grammars of files of labels and of base rates."""

from typing import Any

from hypothesis import strategies as st

from tests.fuzz.mutations import json_bytes, mostly, spoiled

SEQUENCE = "MKTAYIAKQRCISFVKSHFS"

HEADER = {
    "format": "protsae-labels",
    "format_version": 1,
    "set": "s",
    "source": "made up",
    "classes": {"H": "helix", "E": "strand", "h": "helix"},
    "unknown": "?U",
}
_CLASSES = st.sampled_from(
    [
        HEADER["classes"],
        {"\u03b1": "alpha"},
        {"H": ""},
        {"H": "a\nb", "E": "a b"},
        {chr(n): f"c{n}" for n in range(33, 127)},
        {chr(n): f"c{n}" for n in range(33, 333)},
        {},
    ]
)
RECORD = {
    "set": "s",
    "accession": "P1",
    "sequence": SEQUENCE,
    "labels": "HHHHHEEEEE?????UUUUU",
    "mask": "1" * 19 + "0",
}
_CHANGES = st.sampled_from(
    [
        {},
        {"accession": None},
        {"accession": "none"},
        {"sequence": SEQUENCE.lower() + "*", "labels": "H" * 21},
        {"sequence": "MKTAYIAKQR CISFVKSHFS", "mask": None},
        {"sequence": SEQUENCE[:5] + "-" + SEQUENCE[5:], "labels": "H" * 21},
        {"labels": "H" * 19},
        {"labels": "C" * 20},
        {"labels": "\u03b1" * 20},
        {"labels": "".join(map(chr, range(200, 220)))},
        {"set": "position"},
        {"set": "x:y"},
    ]
)


def labels() -> st.SearchStrategy[bytes]:
    """A header, mostly, and records; one value may be out of place."""
    header = _CLASSES.map(lambda classes: {**HEADER, "classes": classes})
    records = st.lists(_CHANGES.map(lambda changes: {**RECORD, **changes}), max_size=3)
    head = mostly(header, st.none(), times=3).map(lambda row: [row] if row else [])
    rows = st.tuples(head, records).map(lambda both: [*both[0], *both[1]])
    return rows.flatmap(spoiled).map(_lines)


def _lines(rows: list[Any]) -> bytes:
    return b"\n".join(map(json_bytes, rows))


def base_rates() -> st.SearchStrategy[bytes]:
    """Comments, a header, and concepts with their rates."""
    concepts = ["HELIX", "residue: C", "SIGNAL", "TURN", "SITE", '"quoted"', '"open', "é", "a\x07b"]
    concept = st.sampled_from([f"motif: {n}" for n in range(20)] + concepts)
    good = st.sampled_from(["0.01", "1", "0", "0.5", "1e-400"])
    rate = mostly(good, st.sampled_from(["nan", "inf", "-0.1", "half", "", "1_0"]))
    rows = st.lists(st.tuples(concept, rate).map("\t".join), min_size=1, max_size=3)
    header = mostly(st.just("concept\tbase_rate"), st.just("a\tb"), st.just("concept\tconcept"))
    texts = st.tuples(header, rows).map(lambda both: ["# made up", both[0], *both[1]])
    return texts.map("\n".join).map(str.encode)
