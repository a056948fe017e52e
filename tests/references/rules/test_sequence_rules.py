"""Each kind of rule against a loop over residues, and by hand at the ends of chains."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from protsae.concepts.sequence.amino_acid_classes import CLASSES
from protsae.concepts.sequence.low_complexity import low_complexity
from protsae.concepts.sequence.prosite import ELEMENTS, MOTIFS, MotifElement, matches
from protsae.concepts.sequence.scales import SCALES
from protsae.proteins.alphabet import LETTERS, STANDARD
from protsae.references.rules.sequence_rows import ENDS, SequenceRows
from protsae.references.rules.sequence_rules import (
    LETTER_SETS,
    Everywhere,
    Hydropathy,
    Letters,
    LowComplexity,
    Pattern,
    PatternElement,
    Place,
    Rule,
    Share,
)

Says = Callable[[str, int], bool]
"""Whether a rule holds at a residue of a sequence, 0-based."""


def in_place(place: Place) -> Says:
    def says(sequence: str, i: int) -> bool:
        from_n, from_c = i + 1, len(sequence) - i
        number = {"N": from_n, "C": from_c, "nearest": min(from_n, from_c)}[place.end]
        return place.first <= number and (place.last is None or number <= place.last)

    return says


def letters_near_the_end(of: str) -> Says:
    place = in_place(Place("C", 2, 11))
    return lambda sequence, i: sequence[i] in of and place(sequence, i)


def share(rule: Share) -> Says:
    def says(sequence: str, i: int) -> bool:
        window = sequence[max(0, i - rule.flank) : i + rule.flank + 1]
        found = sum(letter in LETTER_SETS[rule.letters] for letter in window)
        return (100 * found >= rule.percent * len(window)) == rule.at_least

    return says


def hydropathy(rule: Hydropathy) -> Says:
    def says(sequence: str, i: int) -> bool:
        window = [letter for letter in sequence[max(0, i - 9) : i + 10] if letter in STANDARD]
        scale = SCALES["hydropathy"].values
        tenths = [round(10 * scale[LETTERS.index(letter)]) for letter in window]
        reached = sum(tenths) >= rule.tenths * len(window)
        return len(window) > 0 and reached == rule.at_least

    return says


def motif(name: str) -> Says:
    (pattern,) = (motif.pattern for motif in MOTIFS if motif.name == name)
    return lambda sequence, i: any(a <= i + 1 <= b for a, b in matches(sequence, pattern))


def motif_element(element: MotifElement) -> Says:
    """Of a pattern whose first elements, up to it, have a fixed length."""
    (pattern,) = (motif.pattern for motif in MOTIFS if motif.name == element.motif)
    widths = [int((re.findall(r"\((\d+)", text) or [1])[0]) for text in pattern.split("-")]
    ahead, width = sum(widths[: element.number - 1]), widths[element.number - 1]
    return lambda sequence, i: any(
        a + ahead <= i + 1 < a + ahead + width and i < b for a, b in matches(sequence, pattern)
    )


def rules(seed: int) -> Iterator[tuple[Rule, Says]]:
    """A few of each kind, drawn by seed, and what they mean."""
    rng = np.random.default_rng(seed)
    yield Everywhere(), lambda sequence, i: True
    yield LowComplexity(), lambda sequence, i: bool(low_complexity(sequence)[i])
    for end in ENDS:
        first, more = rng.integers(1, 9, 2).tolist()
        for last in (first, first + more, None):
            place = Place(end, first, last)
            yield place, in_place(place)
    for letters, of in LETTER_SETS.items():
        yield Letters(letters), lambda sequence, i, of=of: sequence[i] in of
        yield Letters(letters, Place("C", 2, 11)), letters_near_the_end(of)
        within = motif("CK2 phosphorylation")
        yield (
            Letters(letters, Pattern("CK2 phosphorylation")),
            lambda sequence, i, of=of, within=within: sequence[i] in of and within(sequence, i),
        )
    for name in (motif.name for motif in MOTIFS):
        yield Pattern(name), motif(name)
    for element in ELEMENTS:
        if element.motif != "zinc finger C2H2" or element.number == 1:
            yield PatternElement(element), motif_element(element)
    for letters in (*CLASSES, "G"):
        flank, percent = int(rng.choice([1, 3, 9])), int(rng.choice([5, 35, 50, 100]))
        for at_least in (True, False):
            rule = Share(letters, flank, percent, at_least)
            yield rule, share(rule)
    for tenths in rng.integers(-44, 46, 7).tolist():
        for at_least in (True, False):
            limit = Hydropathy(tenths, at_least)
            yield limit, hydropathy(limit)


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_rule_is_that_of_a_loop(seed: int) -> None:
    """On sequences of all 26 letters, one of few letters, and very short ones."""
    rng = np.random.default_rng(seed)
    sequences = ["".join(rng.choice(list(LETTERS), n)) for n in (1, 2, 5, 41, 83)]
    sequences += ["".join(rng.choice(list("NSTARGDK"), 97)), "X" * 23, "C" + "BX" * 11]
    rows = SequenceRows(sequences)
    n_rules = 0
    for rule, says in rules(seed):
        expected = [says(sequence, i) for sequence in sequences for i in range(len(sequence))]
        assert rule.holds(rows).tolist() == expected, rule.name
        n_rules += 1
    assert n_rules == 2 + 9 + 87 + 9 + 25 + 20 + 14


def test_no_sequences() -> None:
    rows = SequenceRows([])
    assert len(rows) == 0
    for rule, _ in rules(0):
        assert rule.holds(rows).shape == (0,), rule.name


@pytest.mark.parametrize(
    ("rule", "name", "n_parameters"),
    [
        (Everywhere(), "everywhere", 0),
        (Place("N", 1, 22), "residues 1–22", 1),  # noqa: RUF001
        (Place("N", 3, 22), "residues 3–22", 2),  # noqa: RUF001
        (Place("N", 1, 1), "residue 1", 1),
        (Place("N", 2, 2), "residue 2", 1),
        (Place("N", 21, None), "from residue 21 on", 1),
        (Place("C", 1, 10), "last 10 residues", 1),
        (Place("C", 1, 1), "last residue", 1),
        (Place("C", 3, 3), "residue 3 from the end", 1),
        (Place("C", 3, 5), "residues 3–5 from the end", 2),  # noqa: RUF001
        (Place("C", 2, None), "all but the last residue", 1),
        (Place("nearest", 1, 5), "first or last 5 residues", 1),
        (Place("nearest", 2, 5), "residues 2–5 from either end", 2),  # noqa: RUF001
        (Place("nearest", 6, None), "at least 5 residues from both ends", 1),
        (Letters("S"), "residue S", 1),
        (Letters("tiny"), "tiny residue", 1),
        (Letters("S", Place("N", 2, 2)), "S at residue 2", 2),
        (Letters("S", Place("N", 2, 9)), "S in residues 2–9", 3),  # noqa: RUF001
        (Letters("K", Place("C", 1, 10)), "K in the last 10 residues", 2),
        (Letters("K", Place("C", 1, 1)), "K at the last residue", 2),
        (Letters("polar", Place("C", 8, None)), "polar in all but the last 7 residues", 2),
        (Letters("polar", Place("nearest", 1, 3)), "polar in the first or last 3 residues", 2),
        (Letters("C", Place("N", 23, None)), "C from residue 23 on", 2),
        (Pattern("RGD"), "motif RGD", 1),
        (Letters("N", Pattern("N-glycosylation")), "N in motif N-glycosylation", 2),
        (
            PatternElement(MotifElement("P-loop", 5, "[ST]")),
            "element 5 ([ST]) of motif P-loop",
            2,
        ),
        (LowComplexity(), "low complexity", 1),
        (Letters("S", LowComplexity()), "S in a low-complexity region", 2),
        (Hydropathy(-4, False), "mean hydropathy within ± 9 below -0.4", 1),
        (Share("hydrophobic", 9, 60, True), "at least 60 % hydrophobic within ± 9", 3),
        (Share("Q", 9, 10, False), "below 10 % Q within ± 9", 3),
        (Share("G", 9, 5, False), "no G within ± 9", 2),
        (Share("G", 9, 5, True), "some G within ± 9", 2),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_and_parameters(rule: Rule, name: str, n_parameters: int) -> None:
    assert (rule.name, rule.n_parameters) == (name, n_parameters)


def test_a_presence_is_what_its_name_says_also_at_the_ends() -> None:
    """One residue is more than 5 % of any window of at most 19 residues, and 5 % is not reached
    by none."""
    for n in (1, 2, 19, 40):
        sequence = "A" * (n - 1) + "G"
        near = np.arange(n) >= n - 10
        assert Share("G", 9, 5, True).on(sequence).tolist() == near.tolist()
        assert Share("G", 9, 5, False).on(sequence).tolist() == (~near).tolist()
