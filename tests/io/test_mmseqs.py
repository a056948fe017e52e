from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from protsae.errors import UserError
from protsae.io import mmseqs
from protsae.io.mmseqs import (
    MOST_EXHAUSTIVE,
    cluster_sequences,
    find_links,
    find_relatives,
    search,
)
from protsae.io.protein_files.any_format import read_proteins
from protsae.proteins.alphabet import STANDARD

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "proteins.json.gz"


def random_sequence(length: int, rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(STANDARD), length))


def mutated(sequence: str, share: float, rng: np.random.Generator) -> str:
    letters = np.array(list(sequence))
    at = rng.random(len(letters)) < share
    letters[at] = rng.choice(list(STANDARD), int(at.sum()))
    return "".join(letters)


def put_in_place(fake: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell script in place of MMseqs2."""
    fake.write_text(f"#!/bin/sh\n{script}")
    fake.chmod(0o755)
    monkeypatch.setattr(mmseqs, "get_mmseqs_binary", lambda: fake)


def large_family(rng: np.random.Generator) -> list[str]:
    """Two halves of 40, each with more near relatives than the 20 best that MMseqs2 would keep."""
    ancestor = random_sequence(151, rng)
    halves = [mutated(ancestor, 0.3, rng) for _ in range(2)]
    return [mutated(half, 0.05, rng) for half in halves for _ in range(40)]


@pytest.mark.parametrize("most_exhaustive", [MOST_EXHAUSTIVE, 0], ids=["every pair", "k-mers"])
def test_families_and_others(most_exhaustive: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for all, as MMseqs2 takes seconds to start."""
    monkeypatch.setattr(mmseqs, "MOST_EXHAUSTIVE", most_exhaustive)
    rng = np.random.default_rng(0)
    ancestors = [random_sequence(length, rng) for length in (101, 211, 149)]
    family = [2, 0, 1, 0, 2, 2, 1]
    relatives = [mutated(ancestors[i], 0.2, rng) for i in family]
    unrelated = [random_sequence(97, rng) for _ in range(5)]
    # Relatives that MMseqs2 by default masks or corrects away: acidic ones, and repeats.
    acidic = "".join(rng.choice(list("EEEDDKS"), 79))
    repetitive = "GPPGAPGEK" * 11
    biased = [mutated(one, 0.1, rng) for one in (acidic, repetitive) for _ in range(3)]
    large = large_family(rng)
    # A part covers too little of the whole; an identical copy covers all; short ones never align.
    sequences = [*relatives, *unrelated, ancestors[1][:83], unrelated[3], "MKC", "M", "MKC"]
    sequences += [*biased, *large]
    clusters = cluster_sequences(sequences, identity=0.3, coverage=0.8).tolist()
    assert clusters[:7] == [0, 1, 2, 1, 0, 0, 2]
    assert clusters[7:12] == [7, 8, 9, 10, 11]
    assert clusters[12:14] == [12, 10]
    assert clusters[14:16] == [14, 15]
    assert clusters[16] in (14, 16)
    assert clusters[17:23] == [17, 17, 17, 20, 20, 20]
    assert set(clusters[23:]) == {23}


def test_links_within_a_few_sequences() -> None:
    """A blend of two that are no relatives; one too long for the blend; a part too short."""
    rng = np.random.default_rng(0)
    left, right, other = (random_sequence(length, rng) for length in (101, 97, 89))
    sequences = [left + left[:11], other, right, left + right[:15], right[:40]]
    sequences += ["".join((left if i // 8 % 2 else right)[i] for i in range(97))]
    links = find_links(sequences, identity=0.3, coverage=0.8)
    assert links.tolist() == [[0, 3], [0, 5], [2, 5]]
    assert find_links(["MK", "MKC"], 0.3, 0.8).shape == (0, 2)


def test_copies_share_a_cluster_that_mmseqs2_does_not_align() -> None:
    """Too short, X alone, ends of X that cost coverage, and too long for its scores."""
    rng = np.random.default_rng(0)
    core = random_sequence(101, rng)
    each = ["MK", "X" * 100, "X" * 37 + core, random_sequence(12_000, rng)]
    assert find_relatives(each, each, 0.3, 0.8).tolist() == []
    assert cluster_sequences([*each, *each], 0.3, 0.8).tolist() == [0, 1, 2, 3] * 2


def test_relatives_of_a_few_among_others() -> None:
    """The same rule between two sets; a query's relatives do not depend on the other queries."""
    rng = np.random.default_rng(0)
    targets = [random_sequence(length, rng) for length in (101, 97)]
    queries = [random_sequence(89, rng), mutated(targets[1], 0.2, rng), targets[0][:60]]
    assert find_relatives(queries, targets, 0.3, 0.8).tolist() == [[1, 1]]
    many = [*queries, *(random_sequence(211, rng) for _ in range(50))]
    assert find_relatives(many, targets, 0.3, 0.8).tolist() == [[1, 1]]


def test_a_large_family_by_the_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmseqs, "MOST_EXHAUSTIVE", 0)
    sequences = large_family(np.random.default_rng(0))
    assert set(cluster_sequences(sequences, 0.3, 0.8, cascade=True)) == {0}


@pytest.mark.parametrize(
    ("most_exhaustive", "n_apart"), [(0, 2), (MOST_EXHAUSTIVE, 0)], ids=["k-mers", "every pair"]
)
def test_relatives_in_other_clusters(
    most_exhaustive: int, n_apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample's real proteins, every pair of them compared: k-mers leave two pairs apart."""
    sequences = [protein.sequence for protein in read_proteins(SAMPLE)]
    with monkeypatch.context() as patched:
        patched.setattr(mmseqs, "MOST_EXHAUSTIVE", most_exhaustive)
        clusters = cluster_sequences(sequences, identity=0.3, coverage=0.8)
    related, apart = 0, 0
    for hit in search(sequences, sequences, evalue=1e-3):
        lengths = len(sequences[hit.query]), len(sequences[hit.target])
        residues = [sum(letter != "-" for letter in row) for row in (hit.query_row, hit.target_row)]
        coverage = min(residues[0] / lengths[0], residues[1] / lengths[1])
        if hit.query != hit.target and hit.identity >= 0.3 and coverage >= 0.8:
            related += 1
            apart += clusters[hit.query] != clusters[hit.target]
    assert related > 50
    assert apart == n_apart


def test_every_pair_is_compared_where_sequences_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two beta-lactamases, 24 % alike over 228 residues, share no similar k-mers."""
    by_name = {protein.accession: protein.sequence for protein in read_proteins(SAMPLE)}
    pair = [by_name["P14559"]], [by_name["P37321"]]
    [hit] = search(*pair, evalue=1e-3)
    assert hit.evalue < 1e-15
    monkeypatch.setattr(mmseqs, "MOST_EXHAUSTIVE", len(pair[0][0]) * len(pair[1][0]) - 1)
    assert search(*pair, evalue=1e-3) == []
    monkeypatch.setattr(mmseqs, "MOST_EXHAUSTIVE", len(pair[0][0]) * len(pair[1][0]))
    assert search(*pair, evalue=1e-3) == [hit]


def test_alanine_glycine_cysteine_and_threonine_are_no_dna() -> None:
    """A protein of these alone is found in a longer one, whatever else is searched for."""
    rng = np.random.default_rng(0)
    few = "".join(rng.choice(list("AGTCN"), 120))
    target = few + random_sequence(97, rng)
    [hit] = search([few], [target], evalue=1e-3)
    assert (hit.query_row, hit.target_row) == (few, few)
    assert find_relatives([few], [few + "MKV"], 0.3, 0.8).tolist() == [[0, 0]]


def test_a_single_sequence_too_short_to_align() -> None:
    assert cluster_sequences(["MK"], 0.3, 0.8).tolist() == [0]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What MMseqs2 is told by a call; here a program that says what it was told, and fails."""
    put_in_place(tmp_path / "mmseqs", 'echo "$@" >&2\nexit 1\n', monkeypatch)

    def words(call: Callable[..., object], *values: object, **options: object) -> str:
        with pytest.raises(UserError) as caught:
            call(*values, **options)
        return str(caught.value)

    return words


def test_what_makes_relatives(told: Callable[..., str]) -> None:
    """As many hits are kept as there are targets."""
    rule = "--min-seq-id 0.35 -c 0.75 --cov-mode 0 -e 0.001 --mask 0 --comp-bias-corr 0"
    output = "--max-seqs 23 --format-output query,target --threads"
    found = told(find_relatives, ["MKC"], ["MKC"] * 23, 0.35, 0.75)
    assert f" --prefilter-mode 1 {rule} {output} 1 --dbtype 1 -v 2" in found
    assert f" {output} 3 " in told(find_relatives, ["MKC"], ["MKC"] * 23, 0.35, 0.75, threads=3)


def test_what_a_search_is_told(told: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread each, for any number of threads in all."""
    words = told(search, ["MKC"], ["MKC"], 0.03, threads=3)
    assert " --prefilter-mode 1 -e 0.03 --max-seqs 300 --threads 1 " in words
    monkeypatch.setattr(mmseqs, "MOST_EXHAUSTIVE", 8)
    words = told(search, ["MKC"], ["MKC"], 0.03, most=7)
    assert " -s 7.5 -e 0.03 --max-seqs 7 --threads 1 " in words


def test_what_a_clustering_by_k_mers_is_told(
    told: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mmseqs, "MOST_EXHAUSTIVE", 0)
    related = "--min-seq-id 0.35 -c 0.75 --cov-mode 0 -e 0.001 --mask 0 --comp-bias-corr 0"
    asked, end = f" {related} --cluster-mode 1 --threads", "--dbtype 1 -v 2"
    thorough = "--single-step-clustering 1 -s 7.5 --max-seqs"
    found = told(cluster_sequences, ["MKC"] * 23, 0.35, 0.75)
    assert f"{asked} 1 {thorough} 23 {end}" in found
    found = told(cluster_sequences, ["MKC"] * 29, 0.35, 0.75, threads=3)
    assert f"{asked} 3 {thorough} 29 {end}" in found
    found = told(cluster_sequences, ["MKC"], 0.35, 0.75, cascade=True)
    assert f"{asked} 1 {end}" in found


def test_a_failing_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "echo starting\necho 'Cannot write to disk' >&2\nexit 1\n"
    put_in_place(tmp_path / "mmseqs", script, monkeypatch)
    with pytest.raises(UserError) as caught:
        cluster_sequences(["MKC"], 0.3, 0.8)
    assert str(caught.value) == "mmseqs easy-search failed; its last line: Cannot write to disk"


def test_a_binary_that_fails_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_place(tmp_path / "mmseqs", "exit 1\n", monkeypatch)
    with pytest.raises(UserError, match=r"^mmseqs easy-search failed; its last line: nothing$"):
        cluster_sequences(["MKC"], 0.3, 0.8)


def test_search_aligns_through_gaps() -> None:
    """A relative with 7 residues less and 5 more; a shorter relative; nothing else."""
    rng = np.random.default_rng(0)
    target = random_sequence(101, rng)
    query = target[:40] + target[47:70] + "WWWWW" + target[70:]
    queries = [random_sequence(83, rng), query, "MKC"]
    targets = [random_sequence(89, rng), target[:61], "M", target]
    hits = search(queries, targets, evalue=1e-3)
    assert [(hit.query, hit.target) for hit in hits] == [(1, 3), (1, 1)], "the best first"
    at_query, at_target = hits[0].pairs()
    expected = [(i, i) for i in range(40)] + [(i, i + 7) for i in range(40, 63)]
    expected += [(i, i + 2) for i in range(68, 99)]
    assert list(zip(at_query.tolist(), at_target.tolist(), strict=True)) == expected


def test_hits_come_by_falling_score_then_by_target() -> None:
    target = random_sequence(101, np.random.default_rng(0))
    targets = [target[:61], target, target[:80], target]
    hits = search([target], targets, evalue=1e-3)
    assert [hit.target for hit in hits] == [1, 3, 2, 0]


def test_hits_of_one_score_come_by_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order in which MMseqs2 writes them, and wherever they begin."""
    lines = ["0\\t50\\t11\\t1\\t1\\tMK\\tMK\\t1e-5", "0\\t50\\t2\\t3\\t1\\tMK\\tMK\\t1e-5"]
    script = f"printf '{lines[0]}\\n{lines[1]}\\n' > \"$4\"\n"
    put_in_place(tmp_path / "mmseqs", script, monkeypatch)
    assert [hit.target for hit in search(["MKMK"], ["MK"] * 12, evalue=1e-3)] == [2, 11]


def test_search_is_the_same_however_it_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process has one thread and its own queries, which keep their places in the list."""
    rng = np.random.default_rng(1)
    targets = [random_sequence(length, rng) for length in (61, 97, 79)]
    queries = [mutated(targets[i], 0.3, rng) for i in (2, 0, 1, 2, 1)]
    together = search(queries, targets, evalue=1e-3)
    assert [(hit.query, hit.target) for hit in together] == [(0, 2), (1, 0), (2, 1), (3, 2), (4, 1)]

    asked = []
    run = mmseqs._run
    monkeypatch.setattr(mmseqs, "_run", lambda *words: (asked.append(words), run(*words)))
    monkeypatch.setattr(mmseqs, "QUERIES_AT_ONCE", 3)
    assert search(queries, targets, evalue=1e-3, threads=2) == together
    assert [words[words.index("--threads") + 1] for words in asked] == ["1", "1"]


def test_search_that_finds_nothing() -> None:
    assert search(["MK"], ["MKC"], evalue=1e-3) == []


def test_a_failing_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "mmseqs"
    fake.write_text("#!/bin/sh\necho 'Can not read' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(mmseqs, "get_mmseqs_binary", lambda: fake)
    with pytest.raises(UserError, match=r"^mmseqs easy-search failed; its last line: Can not read"):
        search(["MKC"], ["MKC"], 1e-3)
