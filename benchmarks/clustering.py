"""What MMseqs2's settings miss, what they join by mistake, and what they cost.

Plants pairs of relatives of known identity (ordinary, acidic, Pro/Ala-rich, repetitive) among real
proteins, shuffled real proteins and unrelated sequences of biased composition or of repeats, and
clusters all of them with each choice of settings. Prints a table for docs/benchmarks.md.

    python -m benchmarks.clustering proteins.jsonl.gz --proteins 300
"""

import argparse
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from unittest import mock

import numpy as np
import pandas as pd
from Bio.Align import substitution_matrices

from benchmarks.processor import machine
from benchmarks.real_proteins import read_sequences
from protsae.io import mmseqs
from protsae.proteins.alphabet import STANDARD

LETTERS = np.array(list(STANDARD))
PAIRS = 5
IDENTITIES = (0.35, 0.45, 0.6, 0.9)
LENGTHS = (67, 149, 397)
GAP = 5

MASK, BIAS = ("--mask", "0"), ("--comp-bias-corr", "0")
CHOICES: dict[str, tuple[str, ...]] = {
    "MMseqs2's defaults": (),
    "no mask, no correction": (*MASK, *BIAS),
    "no mask": MASK,
    "no correction": BIAS,
    "neither, E ≤ 1e-5": (*MASK, *BIAS, "-e", "1e-5"),
    "neither, E ≤ 0.1": (*MASK, *BIAS, "-e", "0.1"),
    "neither, identity of the longer": (*MASK, *BIAS, "--seq-id-mode", "2"),
    "neither, identity of the shorter": (*MASK, *BIAS, "--seq-id-mode", "1"),
    "neither, coverage of the shorter": (*MASK, *BIAS, "--cov-mode", "5"),
}
"""Flags beside those that `cluster_sequences` gives."""


@dataclass
class Sequences:
    """Sequences with what they are and the family that they belong to."""

    sequences: list[str]
    kinds: list[str]
    families: list[int]

    def add(self, kind: str, *relatives: str) -> None:
        """One more family."""
        family = max(self.families, default=-1) + 1
        for sequence in relatives:
            self.sequences.append(sequence)
            self.kinds.append(kind)
            self.families.append(family)


def main() -> None:
    """Plant, cluster with each choice, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", nargs="?", help="gzipped JSON lines; or the shipped sample")
    parser.add_argument("--proteins", type=int, default=300, help="real ones, drawn at random")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--choices", nargs="*", default=list(CHOICES), choices=list(CHOICES))
    args = parser.parse_args()
    print(machine(), flush=True)
    rng = np.random.default_rng(0)
    real = read_real(args.records)
    drawn = rng.permutation(len(real))[: args.proteins]
    real = [real[i] for i in drawn]
    planted = plant(real, rng)
    rows = []
    for name in args.choices:
        flags = CHOICES[name]
        clusters, seconds = cluster(planted.sequences + real, flags, args.threads)
        clusters, of_real = np.split(clusters, [len(planted.sequences)])
        row = {
            "settings": name,
            **misses(planted, clusters),
            **false_joins(planted, clusters),
            "real clusters": len(np.unique(of_real)),
            "largest": int(np.bincount(of_real).max()),
            "CPU-s": round(seconds),
        }
        print(row, file=sys.stderr, flush=True)
        rows.append(row)
    print(pd.DataFrame(rows).to_markdown(index=False))


def read_real(path: str | None) -> list[str]:
    """Sequences of the shared records, or of the shipped sample."""
    found = read_sequences(path)
    return [s for s in dict.fromkeys(found) if 30 <= len(s) <= 2000 and set(s) <= set(STANDARD)]


def plant(real: list[str], rng: np.random.Generator) -> Sequences:
    """Pairs of relatives, unrelated sequences, and the real ones shuffled."""
    planted = Sequences([], [], [])
    compositions = {
        "ordinary": composition("".join(real)),
        "acidic": composition("EEEEEEDDDDKKSSSGAQLV"),
        "Pro/Ala": composition("PPPPPPAAAAAATTSSGVEK"),
    }
    for _ in range(PAIRS):
        for length in LENGTHS:
            for identity in IDENTITIES:
                for kind, share in compositions.items():
                    planted.add(
                        f"{kind} {identity:.0%}", *pair(draw(share, length, rng), identity, rng)
                    )
                planted.add(f"repeats {identity:.0%}", *pair(repeats(length, rng), identity, rng))
            for kind, share in compositions.items():
                planted.add(f"unrelated {kind}", draw(share, length, rng))
            planted.add("unrelated repeats", repeats(length, rng))
    for sequence in real:
        planted.add("shuffled", "".join(rng.permutation(list(sequence))))
    return planted


def composition(letters: str) -> np.ndarray:
    """Share of each amino acid; each occurs a little."""
    counts = np.array([letters.count(letter) for letter in STANDARD]) + len(letters) / 1000
    share: np.ndarray = counts / counts.sum()
    return share


def draw(share: np.ndarray, length: int, rng: np.random.Generator) -> str:
    """A sequence of this composition."""
    return "".join(rng.choice(LETTERS, length, p=share))


def repeats(length: int, rng: np.random.Generator) -> str:
    """A unit of 3 to 11 letters of two to six kinds, over and over, 90 % conserved."""
    unit = rng.choice(rng.choice(LETTERS, rng.integers(2, 7)), rng.integers(3, 12))
    letters = np.resize(unit, length)
    changed = rng.random(length) < 0.1
    letters[changed] = rng.choice(LETTERS, int(changed.sum()))
    return "".join(letters)


def pair(ancestor: str, identity: float, rng: np.random.Generator) -> Iterator[str]:
    """The ancestor and a relative: substitutions by BLOSUM62, a deletion, an insertion."""
    letters = np.array(list(ancestor))
    at = np.flatnonzero(rng.permutation(len(letters)) >= round(identity * len(letters)))
    own = composition(ancestor)
    for i in at:
        share = own * np.exp(0.35 * _blosum62()[STANDARD.index(letters[i])])
        share[STANDARD.index(letters[i])] = 0
        letters[i] = rng.choice(LETTERS, p=share / share.sum())
    cut, put = rng.integers(1, len(letters) - 2 * GAP, 2)
    shorter = np.delete(letters, slice(cut, cut + rng.integers(1, GAP + 1)))
    inserted = rng.choice(LETTERS, rng.integers(1, GAP + 1), p=own)
    yield ancestor
    yield "".join(np.insert(shorter, put, inserted))


@cache
def _blosum62() -> np.ndarray:
    matrix = substitution_matrices.load("BLOSUM62")
    return np.array([[matrix[a][b] for b in STANDARD] for a in STANDARD])


def cluster(sequences: list[str], flags: tuple[str, ...], threads: int) -> tuple[np.ndarray, float]:
    """Clusters with further flags of MMseqs2, and the CPU time, seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    chosen = {"--min-seq-id": "0.3", "-c": "0.8", "--cov-mode": "0"}
    chosen |= dict(zip(flags[::2], flags[1::2], strict=True))
    words = tuple(word for flag in chosen.items() for word in flag)
    with mock.patch.object(mmseqs, "_related", return_value=words):
        clusters = mmseqs.cluster_sequences(sequences, 0.3, 0.8, threads=threads)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return clusters, used


def misses(planted: Sequences, clusters: np.ndarray) -> dict[str, str]:
    """Share of planted pairs of each kind that are in two clusters, at each identity."""
    table = pd.DataFrame({"kind": planted.kinds, "family": planted.families, "cluster": clusters})
    pairs = table.groupby("family").filter(lambda rows: len(rows) == 2)
    apart = pairs.groupby(["kind", "family"])["cluster"].nunique().sub(1).groupby("kind").mean()
    return {
        f"{kind} missed": " / ".join(f"{apart[f'{kind} {i:.0%}']:.0%}" for i in IDENTITIES)
        for kind in ("ordinary", "acidic", "Pro/Ala", "repeats")
    }


def false_joins(planted: Sequences, clusters: np.ndarray) -> dict[str, str]:
    """Sequences without relatives, of each kind, that share a cluster with another family."""
    table = pd.DataFrame({"kind": planted.kinds, "family": planted.families, "cluster": clusters})
    mixed = table.groupby("cluster")["family"].transform("nunique") > 1
    return {
        f"{kind} joined": f"{mixed[table['kind'] == kind].mean():.1%}"
        for kind in (
            *("unrelated ordinary", "unrelated acidic", "unrelated Pro/Ala"),
            *("unrelated repeats", "shuffled"),
        )
    }


if __name__ == "__main__":
    main()
