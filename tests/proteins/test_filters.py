"""Cleaning and choice of proteins: each reason, each setting, and that nothing goes uncounted."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.config.stage_settings import FetchSettings
from protsae.errors import UserError
from protsae.proteins.filters import ProteinCounts, clean_sequence, filter_proteins
from protsae.proteins.records import Protein

LETTERS20 = "ACDEFGHIKLMNPQRSTVWY"


def protein(accession="P1", sequence=LETTERS20, **more):
    return Protein(accession, "", "", None, sequence, **more)


def choose(*proteins, **settings):
    counts = ProteinCounts()
    settings = FetchSettings(**{"min_length": 5, **settings})
    kept = list(filter_proteins(proteins, settings, "x.fasta", counts))
    return [p.accession for p in kept], counts


@pytest.mark.parametrize(
    ("sequence", "clean", "changed"),
    [
        ("MKV", "MKV", []),
        ("mKv", "MKV", ["lower case to upper"]),
        ("MKV*", "MKV", ["final * removed"]),
        ("MKV**", "MKV*", ["final * removed"]),
        ("M K\tV\r\n", "MKV", ["white space removed"]),
        ("*", "", ["final * removed"]),
        ("", "", []),
        ("ß", "ß", []),
    ],
)
def test_clean_sequence(sequence, clean, changed):
    assert clean_sequence(sequence) == (clean, changed)


@pytest.mark.parametrize(
    ("second", "settings", "reason"),
    [
        (protein("P2", ""), {}, "empty sequence"),
        (protein("P2", "*"), {}, "empty sequence"),
        (protein("P2", "", inactive="merged"), {}, "inactive entry: merged"),
        (protein("P2", "", inactive="inactive"), {}, "inactive entry"),
        (protein("P2", "ACD*EFG"), {"invalid": "drop"}, "invalid character"),
        (protein("P2", "ACD3EFG"), {"invalid": "drop"}, "invalid character"),
        (protein("P2", "ACßEFG"), {"invalid": "drop"}, "invalid character"),
        (protein("P2", "ACDE"), {}, "shorter than 5"),
        (protein("P2", LETTERS20 + "A"), {"max_length": 20}, "longer than 20"),
        (protein("P2", "ACDEFG", fragment=True), {}, "fragment"),
        (protein("P2", "ACDXFG"), {"nonstandard": "drop"}, "non-standard letter"),
        (protein("P1", "ACDEFG"), {"duplicate_accessions": "first"}, "duplicate accession"),
        (protein("P2"), {}, "duplicate sequence"),
        (protein("P2", LETTERS20.lower() + "*"), {}, "duplicate sequence"),
    ],
)
def test_each_reason(second, settings, reason):
    kept, counts = choose(protein(), second, **settings)
    assert kept == ["P1"]
    assert counts.dropped == {reason: 1}
    assert (counts.read, counts.kept) == (2, 1)


@pytest.mark.parametrize(
    ("second", "settings"),
    [
        (protein("P2", "ACDEF"), {}),
        (protein("P2", LETTERS20[::-1]), {"max_length": 20}),
        (protein("P2", "ACDEFG", fragment=True), {"fragments": "keep"}),
        (protein("P2", "ACBJOUXZ"), {}),
        (protein("P2"), {"duplicate_sequences": "keep"}),
    ],
)
def test_what_the_settings_keep(second, settings):
    kept, counts = choose(protein(), second, **settings)
    assert kept == ["P1", "P2"]
    assert not counts.dropped


def test_a_dropped_sequence_does_not_hide_its_twin():
    kept, _ = choose(protein("P1", "ACDEFG", fragment=True), protein("P2", "ACDEFG"))
    assert kept == ["P2"]


def test_changes_are_counted():
    _, counts = choose(protein("P1", "acdefg*"), protein("P2", "ACDEFH"))
    assert counts.changed == {"lower case to upper": 1, "final * removed": 1}


@pytest.mark.parametrize(("sequence", "position", "found"), [("ACD*EF", 4, "*"), ("1ACDE", 1, "1")])
def test_an_invalid_character_is_named_with_its_place(sequence, position, found):
    with pytest.raises(UserError) as error:
        choose(protein("P7", sequence))
    assert str(error.value) == (
        f"x.fasta: P7: position {position} holds '{found}'; expected letters A to Z; correct the "
        "sequence, or drop such proteins with fetch.invalid: drop"
    )


def test_a_duplicate_accession_is_named_with_its_records():
    with pytest.raises(UserError) as error:
        choose(protein("P1"), protein("P2", "ACDEFG"), protein("P1", "ACDEFH"))
    assert str(error.value) == (
        "x.fasta: accession P1 occurs twice, in records 1 and 3; remove one, or keep the first "
        "with fetch.duplicate_accessions: first"
    )


def test_nothing_left_says_why():
    with pytest.raises(UserError) as error:
        choose(protein("P1", "ACD"), protein("P2", "ACE"), protein("P3", ""))
    assert str(error.value) == (
        "x.fasta: none of 3 proteins is left (2 shorter than 5, 1 empty sequence); "
        "widen the limits under 'fetch' in the configuration"
    )


def test_nothing_at_all():
    with pytest.raises(UserError, match=r"^x\.fasta: no proteins found"):
        choose()


@given(st.lists(st.text(alphabet="ACx*1 ", max_size=9), max_size=12), st.booleans())
def test_nothing_goes_uncounted(sequences, keep):
    counts = ProteinCounts()
    settings = FetchSettings(
        min_length=2,
        max_length=5,
        invalid="drop",
        duplicate_accessions="first",
        nonstandard="keep" if keep else "drop",
    )
    proteins = [protein(f"P{n % 7}", sequence) for n, sequence in enumerate(sequences)]
    proteins.append(protein("LAST", "WWW"))
    kept = list(filter_proteins(proteins, settings, "x", counts))
    assert counts.read == len(proteins) == len(kept) + sum(counts.dropped.values())
    assert counts.kept == len(kept)
    assert all(re.fullmatch("[A-Z]{2,5}", p.sequence) for p in kept)
    assert len({p.sequence for p in kept}) == len(kept) == len({p.accession for p in kept})
