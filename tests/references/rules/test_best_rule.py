"""Rules on the sequence: counted at once as one by one, and chosen by hand."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from scipy import sparse

from protsae.concepts.sequence.prosite import MotifElement
from protsae.proteins.alphabet import LETTERS
from protsae.references.rules.best_rule import (
    FittedRule,
    LabelledRows,
    cluster_rows,
    count_rules,
    fit_rules,
    rule_rows,
)
from protsae.references.rules.rule_library import (
    FARTHEST_BOUND,
    Hydropathies,
    PatternElements,
    Patterns,
    Places,
    RuleKind,
    Shares,
    rule_library,
)
from protsae.references.rules.sequence_rows import SequenceRows
from protsae.references.rules.sequence_rules import (
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

LENGTHS = (1, 2, 7, 31, 53, 211)
LIBRARY = rule_library()


def random_sequences(seed: int, lengths: Sequence[int] = LENGTHS) -> list[str]:
    """Of all 26 letters, with stretches of few of them and a glycosylation site or so."""
    rng = np.random.default_rng(seed)
    found = ["".join(rng.choice(list(LETTERS), length)) for length in lengths]
    return [*found[:-1], found[-1][:100] + "NGTA" + "QQQQSQQQQQQQ" + found[-1][116:]]


def blocks(
    sequences: Sequence[str],
    labels: np.ndarray,
    known: np.ndarray | None = None,
    clusters: Sequence[int] | None = None,
    cuts: Sequence[int] = (),
) -> Iterable[LabelledRows]:
    """Labels of shape (n_residues, n_concepts) for the sequences, in parts that start at cuts."""
    lengths = [len(sequence) for sequence in sequences]
    known = np.ones((len(labels), 1), bool) if known is None else known
    of_protein = range(len(sequences)) if clusters is None else clusters
    bounds = [0, *cuts, len(sequences)]
    for first, last in itertools.pairwise(bounds):
        part = slice(sum(lengths[:first]), sum(lengths[:last]))
        yield LabelledRows(
            SequenceRows(sequences[first:last]),
            sparse.csr_array(labels[part].astype(np.uint8)),
            known[part],
            np.repeat(list(of_protein)[first:last], lengths[first:last]),
        )


@pytest.mark.parametrize("kind", [Places(), Patterns(), Hydropathies(), Shares()], ids=type)
@pytest.mark.parametrize("seed", range(2))
def test_every_kind_counts_as_its_rules_do_one_by_one(kind: RuleKind, seed: int) -> None:
    """A few hundred rules of each kind, drawn at random, on each sequence by itself."""
    sequences = random_sequences(seed)
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 5, sum(LENGTHS))  # as if residue i stood there so many times
    codes = list(kind.codings(SequenceRows(sequences)))
    assert len(codes) == kind.n_codings
    counts = np.array([np.bincount(c, weight, kind.n_codes) for c in codes]).astype(np.int64)
    assert counts.shape == (kind.n_codings, kind.n_codes)
    fast = kind.sums(counts)
    assert len(fast) == len(kind)
    for index in rng.choice(len(kind), min(len(kind), 300), replace=False).tolist():
        rule = kind.rule(index)
        on = np.concatenate([rule.on(sequence) for sequence in sequences])
        assert on.dtype == bool
        assert fast[index] == weight[on].sum(), rule.name
        assert kind.n_parameters[index] == rule.n_parameters, rule.name


def test_names_and_rules_are_each_their_own() -> None:
    n_places = len(Places()) // 30
    places = [LIBRARY.rule(index) for index in range(n_places)]
    assert len(set(places)) == len({rule.name for rule in places}) == n_places
    ends = [LIBRARY.rule(n_places * k) for k in range(30)]
    assert [rule.name for rule in ends[:3]] == ["everywhere", "residue A", "residue C"]
    rest = [LIBRARY.rule(index) for index in range(len(Places()), len(LIBRARY))]
    assert len(set(rest)) == len(rest)
    with pytest.raises(IndexError, match=f"the library has {len(LIBRARY)} rules"):
        LIBRARY.rule(len(LIBRARY))


def test_size_of_the_library() -> None:
    """Everywhere, 3 ends x (100 x 101 / 2 + 100) places; alone and with 29 sets of letters."""
    places = 1 + 3 * (FARTHEST_BOUND * (FARTHEST_BOUND + 1) // 2 + FARTHEST_BOUND)
    assert FARTHEST_BOUND == 100
    assert len(Places()) == 30 * places == 463_530
    assert (len(Patterns()), len(PatternElements())) == (30 * 10, 29)
    assert len(Hydropathies()) == 2 * 90
    assert len(Shares()) == 3 * 29 * 2 * 20 == 3_480
    assert len(LIBRARY) == 467_519


def fit(
    sequences: Sequence[str],
    labels: np.ndarray,
    known: np.ndarray | None = None,
    clusters: Sequence[int] | None = None,
    known_column: Sequence[int] = (0,),
    cuts: Sequence[int] = (),
) -> list[FittedRule]:
    """`fit_rules` on labels of shape (n_residues, n_concepts)."""
    n_clusters = len(sequences) if clusters is None else max(clusters) + 1
    return fit_rules(
        lambda: blocks(sequences, labels, known, clusters, cuts),
        np.array(known_column, dtype=np.int64),
        n_clusters,
    )


def where(sequences: Sequence[str], *rules: Rule) -> np.ndarray:
    """Labels that the rules define, a column each."""
    columns = [[rule.on(sequence) for sequence in sequences] for rule in rules]
    return np.stack([np.concatenate(column) for column in columns], axis=1)


def test_what_a_rule_defines_is_found_by_that_rule() -> None:
    rules = [
        Everywhere(),
        Place("N", 1, 22),
        Place("N", 2, 2),
        Place("N", 21, None),
        Place("C", 1, 10),
        Place("C", 4, 7),
        Place("nearest", 1, 5),
        Place("nearest", 16, None),
        Letters("S"),
        Letters("aromatic"),
        Letters("negative", Place("C", 1, 19)),
        Letters("G", Place("N", 3, 40)),
        Pattern("N-glycosylation"),
        Letters("N", Pattern("N-glycosylation")),
        PatternElement(MotifElement("CK2 phosphorylation", 1, "[ST]")),
        LowComplexity(),
        Hydropathy(3, True),
        Hydropathy(-12, False),
        Share("charged", 9, 35, True),
        Share("L", 3, 5, False),
    ]
    # The last two have a stretch of low complexity.
    sequences = [*random_sequences(5, [*range(40, 70), 211]), *random_sequences(6, [223])]
    found = fit(sequences, where(sequences, *rules), known_column=[0] * len(rules))
    for rule, fitted in zip(rules, found, strict=True):
        assert (fitted.rule.name, fitted.f1, fitted.error) == (rule.name, 1, 0)


def test_the_simplest_within_one_standard_error_by_hand() -> None:
    """Residues 2 to 5 in every protein, but in one of five also the first.

    Best is "residues 2-5" with F1 = 2 * 20 / (20 + 21) = 40 / 41. X_c = 8 in all, Y_c = 8 in four
    and 9 in one: X_c - R Y_c = 8 / 41 four times and -32 / 41, so that the error is
    sqrt(5 / 4 * (4 * 64 + 1024)) / 41 / 41 = 40 / 41^2 = 0.024. "Residues 1-5", with one bound
    less, has 2 * 21 / (25 + 21) = 21 / 23: 0.063 below, beyond the error.

    With four of five the other is best: 2 * 24 / (25 + 24).
    """
    sequences = ["WYVFWYVFWYVFW"] * 5
    labels = where(sequences, Place("N", 2, 5))
    labels[0] = True
    (found,) = fit(sequences, labels)
    assert found.best == found.rule == Place("N", 2, 5)
    assert found.best_f1 == pytest.approx(40 / 41)
    assert found.error == pytest.approx(40 / 41**2)
    labels[[0, 13, 26, 39]] = True
    (found,) = fit(sequences, labels)
    assert found.best == found.rule == Place("N", 1, 5)


def test_a_simpler_rule_within_the_error_is_preferred() -> None:
    """As before, but two of five proteins also have the first residue.

    "Residues 2-5" has 2 * 20 / (20 + 22) = 20 / 21, "residues 1-5" 2 * 22 / (25 + 22) = 44 / 47,
    0.016 less. X_c - R Y_c = 8 - 160 / 21 = 8 / 21 three times and 8 - 180 / 21 = -12 / 21 twice,
    so that the error is sqrt(5 / 4 * (3 * 64 + 2 * 144)) / 21 / 42 = 0.028.
    """
    sequences = ["WYVFWYVFWYVFW"] * 5
    labels = where(sequences, Place("N", 2, 5))
    labels[[0, 13]] = True
    (found,) = fit(sequences, labels)
    assert (found.best, found.best_f1) == (Place("N", 2, 5), pytest.approx(20 / 21))
    assert found.error == pytest.approx(np.sqrt(600) / 21 / 42)
    assert (found.rule, found.f1) == (Place("N", 1, 5), pytest.approx(44 / 47))
    # All in one kind: of the spread between families nothing is known.
    (found,) = fit(sequences, labels, clusters=[0] * 5)
    assert found.error == np.inf
    assert found.rule == Everywhere()


@pytest.mark.parametrize("seed", range(3))
def test_choice_on_random_labels_against_rules_one_by_one(seed: int) -> None:
    """Two concepts, one partly known; parts and relatives."""
    sequences = random_sequences(seed)
    rng = np.random.default_rng(seed)
    shape = sum(LENGTHS), 2
    labels = rng.random(shape) < [0.1, 0.4]
    known = rng.random(shape) < [1.0, 0.7]
    clusters = [0, 0, 1, 1, 2, 3]
    found = fit(sequences, labels, known, clusters, known_column=(1, 0), cuts=(2, 4))
    of_residue = np.repeat(clusters, LENGTHS)

    def scored(rule: Rule, concept: int) -> tuple[float, float]:
        """F1, and its error by leaving out clusters in the linear approximation."""
        counted = known[:, 1 - concept]
        y = labels[counted, concept]
        on = np.concatenate([rule.on(sequence) for sequence in sequences])[counted]
        tp, both = (np.bincount(of_residue[counted], w) for w in (y & on, y * 1 + on))
        f1 = 2 * tp.sum() / both.sum()
        n = (both > 0).sum()
        return f1, np.sqrt(n / (n - 1) * ((2 * tp - f1 * both) ** 2).sum()) / both.sum()

    some = [LIBRARY.rule(i) for i in rng.choice(len(LIBRARY), 400, replace=False).tolist()]
    for concept, fitted in enumerate(found):
        f1, error = scored(fitted.best, concept)
        assert (fitted.best_f1, fitted.error) == pytest.approx((f1, error))
        assert fitted.f1 == pytest.approx(scored(fitted.rule, concept)[0])
        assert fitted.f1 >= f1 - error
        for rule in [*some, Everywhere(), Letters("S"), Place("N", 1, 30)]:
            other = scored(rule, concept)[0]
            assert other <= f1 + 1e-12, rule.name
            if rule.n_parameters < fitted.rule.n_parameters:
                assert other < f1 - error, rule.name
            if rule.n_parameters == fitted.rule.n_parameters:
                assert other <= fitted.f1 + 1e-12, rule.name


def test_unknown_residues_count_nowhere() -> None:
    """Known in residues 1 to 6, of which 1 to 3 are labelled; what is labelled beyond is noise."""
    sequences = ["SSAFSWEDTQAKL"] * 7
    labels = where(sequences, Place("N", 1, 3))
    known = where(sequences, Place("N", 1, 6))
    labels |= ~known & (np.random.default_rng(1).random(labels.shape) < 0.5)
    (found,) = fit(sequences, labels, known)
    assert (found.rule, found.f1) == (Place("N", 1, 3), 1)
    assert fit(sequences, labels)[0].f1 < 0.9, "as if all were known"
    counts = count_rules([Everywhere()], blocks(sequences, labels, known), np.array([0]), 7)
    assert counts.on.tolist() == counts.known.tolist() == [[6]] * 7
    assert counts.positives.tolist() == counts.true_positives.tolist() == [[3]] * 7


def test_proteins_shorter_than_the_interval() -> None:
    """The first 22 residues of proteins of 5, 17 and 40."""
    sequences = random_sequences(2, [5, 17, 40, 131])[:3]
    (found,) = fit(sequences, where(sequences, Place("N", 1, 22)))
    assert found.rule == Place("N", 1, 22)


def test_concepts_without_residues_and_none_at_all() -> None:
    sequences = ["MKCSWYV"] * 3
    known = np.ones((21, 2), bool)
    known[:, 1] = False
    labels = np.zeros((21, 2), bool)
    labels[:, 1] = True
    found = fit(sequences, labels, known, known_column=(0, 1))
    assert [(one.rule, one.f1) for one in found] == [(Everywhere(), 0)] * 2
    assert [one.error for one in found] == [0, np.inf]
    counts = count_rules([Everywhere()] * 2, blocks(sequences, labels, known), np.arange(2), 3)
    rows = rule_rows(found, counts)
    assert rows["f1"].tolist() == [0, 0]
    assert rows["best_fit_error"].isna().tolist() == [False, True]
    assert fit(sequences, np.zeros((21, 0), bool), known_column=()) == []


def test_tables_by_hand() -> None:
    """Clusters a and b; the second concept is known in b only."""
    sequences = ["SSA", "ASSS"]
    labels = np.array([[1, 1, 0, 0, 0, 1, 1], [1] * 7]).T > 0
    known = np.array([[1] * 7, [0, 0, 0, 1, 1, 1, 0]]).T > 0
    rules = [Letters("S"), Place("N", 1, 2)]
    counts = count_rules(rules, blocks(sequences, labels, known), np.arange(2), 2)
    table = cluster_rows(["first", "second"], ["a", "b"], counts)
    assert table.to_numpy().tolist() == [
        ["first", "a", 2, 2, 2, 3],
        ["first", "b", 2, 3, 2, 4],
        ["second", "b", 2, 2, 3, 3],
    ]
    assert list(table) == ["concept", "cluster", "tp", "on", "positives", "known"]
    best = Place("N", 2, 2)
    fitted = [FittedRule(rule, 0.5, best, 0.75, 0.25) for rule in rules]
    (first, second) = rule_rows(fitted, counts).to_dict("records")
    assert (first["rule"], first["rule_parameters"]) == ("residue S", 1)
    assert (first["best_rule"], first["best_fit_f1"]) == ("residue 2", 0.75)
    assert (first["precision"], first["recall"]) == (4 / 5, 1)
    assert first["f1"] == 8 / 9
    assert second["rule"] == "residues 1–2"  # noqa: RUF001
    assert (second["f1"], second["n_residues"], second["n_clusters"]) == (4 / 5, 3, 1)
