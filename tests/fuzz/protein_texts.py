"""Grammars of files of proteins: FASTA, UniProt JSON, Swiss-Prot text, tables of features."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.mutations import json_bytes, mostly, spoiled

DATA = Path(__file__).parents[1] / "data"

_GOOD_NAMES = st.sampled_from(["P1", "P2", "Q3", "R4", "S5", "T6", "é", "x" * 300])
NAMES = mostly(_GOOD_NAMES, st.sampled_from(["a b", "P\t1", "sp|P1|A_B", "tr|Q3|C_D", ""]))
_GOOD_LETTERS = st.sampled_from(["MKTAYIAKQRCISFVK", "mktay", "X", "ACDEFGHIKLMNPQRSTVWY", "MK TA"])
LETTERS = mostly(_GOOD_LETTERS, st.sampled_from(["MKTA*", "MK\u03b2", "M-K", "M1K"]), times=12)
SEQUENCES = mostly(st.lists(LETTERS, min_size=1, max_size=3).map("".join), st.just(""))
"""Sequences of which most can be used."""

HEADERS = st.sampled_from(
    ["", " x", " OS=Made up OX=9606 GN=a", " (Fragment) OS=é", " OX=99999999999999999999", " OS="]
)


def fasta() -> st.SearchStrategy[bytes]:
    """Records with headers of UniProt and others, sequences in one line or more."""
    lines = st.lists(SEQUENCES, max_size=3).map("\n".join)
    record = st.tuples(NAMES, HEADERS, lines).map(lambda parts: ">{}{}\n{}\n".format(*parts))
    return st.lists(record, min_size=1, max_size=4).map("".join).map(str.encode)


def _feature(parts: tuple[str, Any, Any, str]) -> dict[str, Any]:
    kind, start, end, modifier = parts
    return {
        "type": kind,
        "location": {"start": {"value": start, "modifier": modifier}, "end": {"value": end}},
        "description": "made up",
        "evidences": [{"evidenceCode": "ECO:0000269"}],
        "ligand": {"name": "Zn(2+)", "label": "1"},
    }


FEATURES = st.tuples(
    st.sampled_from(["Helix", "Binding site", "Disulfide bond", "Signal", "Nonsense", "Chain"]),
    st.sampled_from([1, 3, 7, 0, -1, 10**30, None]),
    st.sampled_from([9, 3, 12, 10**9, None]),
    st.sampled_from(["EXACT", "OUTSIDE", "UNSURE", "UNKNOWN"]),
).map(_feature)


def _entry(parts: tuple[str, str, list[Any]]) -> dict[str, Any]:
    accession, sequence, features = parts
    return {
        "entryType": "UniProtKB reviewed (Swiss-Prot)",
        "primaryAccession": accession,
        "uniProtkbId": f"{accession}_TEST",
        "organism": {"scientificName": "Made up", "taxonId": 9606},
        "proteinDescription": {"flag": "Precursor"},
        "sequence": {"value": sequence, "length": len(sequence)},
        "features": features,
    }


ENTRIES = st.lists(
    st.tuples(NAMES, SEQUENCES, st.lists(FEATURES, max_size=2)).map(_entry), min_size=1, max_size=3
)


def uniprot_json() -> st.SearchStrategy[bytes]:
    """Entries in a list, in pages of results, or one alone; some with a value out of place."""
    forms = st.sampled_from([lambda e: e, lambda e: {"results": e}, lambda e: e[0]])
    documents = st.tuples(forms, ENTRIES).map(lambda both: both[0](both[1]))
    return documents.flatmap(spoiled).map(json_bytes)


FT = st.sampled_from(
    [
        "FT   HELIX           3..9\n",
        "FT   SIGNAL          1..?22\n",
        "FT   CHAIN           ?..>30\n",
        'FT   BINDING         5\nFT                   /ligand="Zn(2+)"\n',
        'FT   DISULFID        3..9\nFT                   /note="a\nFT                   b"\n',
        "FT   HELIX         3      9       By similarity.\n",
        "FT   TURN            one-of(3,5)..9\n",
        "FT   MOD_RES         P1-2:7\n",
        "FT   SITE            0..0\n",
        "FT   SITE            -3..99999999999999999999\n",
    ]
)


def _flat(parts: tuple[str, str, list[str], int]) -> str:
    accession, sequence, features, more = parts
    return (
        f"ID   {accession}_TEST   Reviewed;  {len(sequence) + more} AA.\nAC   {accession};\n"
        "DT   01-JAN-2020, integrated into UniProtKB/Swiss-Prot.\n"
        "DT   01-JAN-2020, sequence version 1.\nDT   01-JAN-2024, entry version 9.\n"
        "DE   RecName: Full=Made up;\nOS   Exemplum novum (Made up).\nOC   Bacteria.\n"
        f"OX   NCBI_TaxID=9606;\n{''.join(features)}"
        f"SQ   SEQUENCE   {len(sequence)} AA;  9 MW;  0000000000000000 CRC64;\n"
        f"     {sequence}\n//\n"
    )


def swissprot() -> st.SearchStrategy[bytes]:
    """Made-up entries of one sequence line, and the ones that the tests of the reader have."""
    sequences = st.sampled_from(["MKTAYIAKQR CISFVKSHFS RQLEERLGLI EVQAPILSRV", "MKT", "", "mk*"])
    entry = st.tuples(
        st.sampled_from(["P1", "Q3", "é"]),
        sequences,
        st.lists(FT, max_size=3),
        st.sampled_from([0, 0, 0, 1]),
    )
    made = st.lists(entry.map(_exact), min_size=1, max_size=3).map("".join).map(str.encode)
    return made | st.just((DATA / "entries.dat").read_bytes())


def _exact(parts: tuple[str, str, list[str], int]) -> str:
    """An entry whose ID line counts residues without the blanks between blocks of ten."""
    accession, sequence, features, more = parts
    return _flat((accession, sequence, features, more - sequence.count(" ")))


FASTA_BESIDE = b">P1\nMKTAYIAKQRCISFVKSHFS\n>Q3\nMKTAYIAKQRCISFVKSHFSRQ\n"
"""The proteins that a table of features goes with."""

CELLS = st.tuples(
    mostly(st.sampled_from(["P1", "Q3", '"P1"', " P1 "]), st.sampled_from(["none", "P\x0b1", ""])),
    mostly(st.sampled_from(["HELIX", "Beta strand", "DISULFID", "x\x07y", "x"]), st.just("")),
    mostly(
        st.sampled_from(["3", "<1", "?", "?5", "3.0", ""]),
        st.sampled_from(["0", "-1", "9" * 30, "three", "\u0663"]),
    ),
    mostly(st.sampled_from(["9", ">20", "20", "?", "9.", "", "99999"]), st.just("1e3")),
    st.sampled_from(["", "text", '"quoted', '"a ""b"""', "é\u2028", "x" * 200_000]),
)


def annotations_tsv() -> st.SearchStrategy[bytes]:
    """A header, mostly the right one, and rows that are mostly of the right length."""
    header = mostly(
        st.just("accession\ttype\tstart\tend\tdescription"),
        st.sampled_from(
            [
                "Accession\tTYPE\tstart\tend\tevidence",
                "accession,type,start,end",
                "start\tend\taccession\ttype\t\t",
                "accession\ttype\tstart\tend\tend",
            ]
        ),
    )
    rows = st.lists(CELLS.map("\t".join), min_size=1, max_size=4)
    return st.tuples(header, rows).map(lambda both: "\n".join([both[0], *both[1]]).encode())
