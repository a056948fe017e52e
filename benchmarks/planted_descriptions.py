"""Do descriptions say what features are? In worlds where it is known.

Each world has families of related proteins. Their annotations are conserved, and some are missing
from the entries. Twenty features detect something: an annotation, one of its ends, a letter within
it, or a pattern of the sequence alone. They miss 15 % of it and are sometimes active elsewhere.
Twenty detect nothing: they are active at random residues of any protein, of proteins that have an
annotation, of whole families, or of proteins that are rich in an amino acid.

A detector counts as named if its label has the annotation that was planted; if none was, if its
rule holds at the planted residues (F1 of at least 0.7). A feature that detects nothing should be
unknown. In proteins that are rich in an amino acid, a label of letters alone is right, too.

    python -m benchmarks.planted_descriptions --worlds 20 --check
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.metrics import f1_score
from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import AnnotateSettings
from protsae.descriptions.describe_features import Describer
from protsae.descriptions.described_rows import DescribedRows
from protsae.descriptions.rule_words import UNKNOWN
from protsae.descriptions.terms import Annotated, Neighbour, Terms, from_json
from protsae.proteins.alphabet import STANDARD
from protsae.references.rules.sequence_rules import Letters, Place, Share

FAMILIES = {"train": 90, "valid": 50, "test": 60}
MISSING = 0.15
"""Share of the annotations of a type that an entry lacks."""
RECALL, ELSEWHERE = 0.85, 0.002
LEAST_SHARE = 0.95
"""Of the detectors named, and of the others unknown."""

PLANTED: tuple[Terms, ...] = (
    (Annotated("SIGNAL"),),
    (Annotated("TRANSMEM"),),
    (Annotated("DOMAIN"),),
    (Annotated("BINDING"),),
    (Annotated("HELIX"),),
    (Annotated("SIGNAL", "end"),),
    (Annotated("TRANSMEM", "start"),),
    (Annotated("DOMAIN", "before"),),
    (Annotated("HELIX", "first"),),
    (Annotated("BINDING", "after"),),
    (Letters("G"), Annotated("TRANSMEM")),
    (Letters("L"), Annotated("SIGNAL")),
    (Letters("K"), Annotated("HELIX")),
    (Letters("charged"), Annotated("DOMAIN")),
    (Letters("aromatic"), Annotated("TRANSMEM")),
    (Letters("W"),),
    (Place("C", 1, 10),),
    (Letters("S"), Neighbour("N", -2)),
    (Share("hydrophobic", 9, 80, True),),
    (Letters("D"), Neighbour("G", 1)),
)
"""What the detectors detect."""
DECOYS = ("anywhere", "annotated proteins", "families", "rich proteins")


@dataclass(frozen=True)
class Dense:
    """Codes in memory."""

    rows: dict[str, sparse.csr_array]
    n_features: int

    def blocks(self, names: set[str], batch: int) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """All of them, one protein after another."""
        for name, own in self.rows.items():
            if name in names:
                yield [name], own


def draw_proteins(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Proteins, and all that is true of them: accession, type, description, start, end."""
    rows, annotations = [], []
    for split, n_families in FAMILIES.items():
        for number in range(n_families):
            length = int(rng.integers(80, 300))
            ancestor = rng.choice(20, length, p=rng.dirichlet(np.full(20, 6.0)))
            ancestor[0] = STANDARD.index("M")
            places = draw_annotations(rng, ancestor)
            for copy in range(int(rng.integers(1, 4))):
                name = f"{split}{number}-{copy}"
                sequence = draw_member(rng, ancestor, places)
                rows.append((name, sequence, length, f"{split}{number}", split))
                annotations += [(name, kind, "", start, end) for kind, start, end in places]
    proteins = pd.DataFrame(rows, columns=["accession", "sequence", "length", "cluster", "split"])
    columns = ["accession", "type", "description", "start", "end"]
    return proteins, pd.DataFrame(annotations, columns=columns)


def draw_member(
    rng: np.random.Generator, ancestor: np.ndarray, places: Sequence[tuple[str, int, int]]
) -> str:
    """A relative of the ancestor: 40 % of its residues are drawn anew, membranes stay hydrophobic.

    Parameters
    ----------
    ancestor : ndarray of int
        Numbers in ``STANDARD``.
    places : sequence of (str, int, int)
        Type, first and last residue of the family's annotations.
    """
    length = len(ancestor)
    own = np.where(rng.random(length) < 0.4, rng.choice(20, length), ancestor)
    own[0] = ancestor[0]
    greasy = np.zeros(length, dtype=bool)
    for kind, start, end in places:
        greasy[start - 1 : end] |= kind in ("SIGNAL", "TRANSMEM")
    greasy &= rng.random(length) < 0.7
    own[greasy] = rng.choice([STANDARD.index(a) for a in "AILVFG"], int(greasy.sum()))
    return "".join(np.array(list(STANDARD))[own])


def draw_annotations(rng: np.random.Generator, ancestor: np.ndarray) -> list[tuple[str, int, int]]:
    """Type, first and last residue of what a family has."""
    length, found = len(ancestor), []
    if rng.random() < 0.4:
        found.append(("SIGNAL", 1, int(rng.integers(16, 30))))
    kinds = (("TRANSMEM", 0.4, 19, 24, 3), ("DOMAIN", 0.5, 35, 60, 1), ("HELIX", 0.6, 8, 20, 4))
    for kind, share, least, most, n in (*kinds, ("BINDING", 0.5, 1, 1, 5)):
        if rng.random() < share:
            for _ in range(int(rng.integers(1, n + 1))):
                size = int(rng.integers(least, most + 1))
                start = int(rng.integers(32, max(33, length - size)))
                found.append((kind, start, min(start + size - 1, length)))
    return found


def decoy(
    rng: np.random.Generator, kind: str, proteins: pd.DataFrame, truth: pd.DataFrame
) -> np.ndarray:
    """Where a feature that detects nothing is active: bool, shape (n_residues,)."""
    lengths = proteins["length"].to_numpy()
    if kind == "anywhere":
        return rng.random(lengths.sum()) < 0.02
    if kind == "annotated proteins":
        having = truth.loc[truth["type"] == rng.choice(truth["type"].unique()), "accession"]
        return np.repeat(proteins["accession"].isin(having).to_numpy(), lengths) & (
            rng.random(lengths.sum()) < 0.1
        )
    if kind == "families":
        families = proteins["cluster"].unique()
        chosen = proteins["cluster"].isin(rng.choice(families, len(families) // 5, replace=False))
        return np.repeat(chosen.to_numpy(), lengths) & (rng.random(lengths.sum()) < 0.6)
    share = proteins["sequence"].str.count(rng.choice(list(STANDARD))) / lengths
    rich = np.repeat((share >= share.quantile(0.75)).to_numpy(), lengths)
    return rich & (rng.random(lengths.sum()) < 0.15)


def describe_world(seed: int) -> pd.DataFrame:
    """Each feature of a world with what was planted, how it is described, and if that is right."""
    rng = np.random.default_rng(seed)
    proteins, truth = draw_proteins(rng)
    settings = AnnotateSettings(seed=seed)
    missing = pd.Series(rng.random(len(proteins)) < MISSING, index=proteins["accession"])
    lacking = {kind: rng.permutation(missing) for kind in truth["type"].unique()}
    order = {name: i for i, name in enumerate(proteins["accession"])}
    kept = [
        not lacking[k][order[a]] for a, k in zip(truth["accession"], truth["type"], strict=True)
    ]
    every = DescribedRows(proteins, _concepts(proteins, truth))
    layer = Layer(proteins, _concepts(proteins, truth[kept]), settings)
    on = [every.all_hold(rule) for rule in PLANTED]
    kinds = [DECOYS[i % len(DECOYS)] for i in range(len(PLANTED))]
    active = [
        (where & (rng.random(len(where)) < RECALL)) | (rng.random(len(where)) < ELSEWHERE)
        for where in on
    ]
    active += [decoy(rng, kind, proteins, truth) for kind in kinds]
    values = np.stack(active, axis=1) * rng.gamma(4, 1, (len(every), len(active)))
    ends = proteins["length"].cumsum().to_numpy()
    rows = {
        name: sparse.csr_array(values[end - length : end].astype(np.float32))
        for name, length, end in zip(proteins["accession"], proteins["length"], ends, strict=True)
    }
    evidence = pd.DataFrame(
        {"kind": "point", "concept": None, "activation_clusters": 50.0},
        index=range(len(active)),
    )
    table = Describer.of(layer).describe(Dense(rows, len(active)), evidence)
    planted: list[Terms] = [*PLANTED, *((),) * len(kinds)]
    right = []
    for feature, rule in enumerate(planted):
        row = table.iloc[feature]
        found = from_json(row["rule"]) if row["label"] != UNKNOWN else ()
        where = on[feature] if rule else None
        right.append(_is_right(rule, found, every, where, [*PLANTED, *kinds][feature]))
    names = [", ".join(term.name for term in rule) for rule in PLANTED] + kinds
    return table.assign(planted=names, detects=[bool(rule) for rule in planted], right=right)


def _concepts(proteins: pd.DataFrame, annotations: pd.DataFrame) -> ConceptTable:
    return ConceptTable.build(proteins, annotations, min_residues=10, min_clusters=3)


def _is_right(
    planted: Terms, found: Terms, rows: DescribedRows, where: np.ndarray | None, kind: object
) -> bool:
    if not planted:
        is_share = all(isinstance(term, Share | Letters) for term in found)
        return not found or (kind == "rich proteins" and is_share)
    concepts = {term.concept for term in planted if isinstance(term, Annotated)}
    if concepts:
        return concepts <= {term.concept for term in found if isinstance(term, Annotated)}
    held = rows.all_hold(found) if found else np.zeros(len(rows), dtype=bool)
    assert where is not None
    return bool(f1_score((held & where).sum(), held.sum(), where.sum()) >= 0.7)


def main() -> int:
    """Worlds, and what was named in them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--check", action="store_true", help="exit status 1 if too few are right")
    args = parser.parse_args()
    found = pd.concat([describe_world(seed) for seed in range(args.worlds)])
    by_kind = found.groupby(["detects", "planted"], sort=False).agg(
        right=("right", "mean"),
        unknown=("label", lambda labels: (labels == UNKNOWN).mean()),
        auroc=("auroc", "median"),
        correlation=("correlation", "median"),
    )
    print(by_kind.round(3).to_string())
    wrong = found[~found["right"]]
    print(wrong.groupby(["planted", "label"]).size().to_string())
    shares = found.groupby("detects")["right"].mean()
    print(f"named: {shares[True]:.3f} of the detectors")
    print(f"unknown, or called by a share of letters where that is true: {shares[False]:.3f}")
    return int(args.check and bool((shares < LEAST_SHARE).any()))


if __name__ == "__main__":
    sys.exit(main())
