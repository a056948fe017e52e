"""Do descriptions say what features are? Worlds that differ from those they were written on.

Detectors are those of `planted_descriptions`. What differs: decoys are active at a few residues of
all other proteins, too; test has few homology clusters, one of them huge; activations are dense, or
one protein has most of them; half of the annotations are missing, and annotations overlap.
Decoys have a level of activity that is constant within a protein, or that no term describes:

- ``anywhere``: random residues.
- ``annotated proteins``: random residues of proteins that have an annotation.
- ``lacking proteins``: random residues of proteins without transmembrane segment.
- ``families``, ``rich proteins``: random residues of a fifth of the families, or of the proteins
  that are rich in an amino acid.
- ``letter of the family``: an amino acid, another one in each family.
- ``conserved places``: five places of each family.
- ``decaying``: ever fewer residues from the N-terminus on.
- ``periodic``: every seventh residue, from a random one on.
- ``around sites``: 3 to 12 residues from a binding site.

A description of a decoy is wrong if it says more than is true: of levels by protein, anything but
``proteins with ...``; of the decaying one, an annotation; of the last one, any but of the site.

    python -m benchmarks.planted_decoys --worlds 5
"""

import argparse
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.planted_descriptions import (
    PLANTED,
    RECALL,
    Dense,
    draw_annotations,
    draw_member,
)
from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.metrics import f1_score
from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import AnnotateSettings
from protsae.descriptions.describe_features import Describer
from protsae.descriptions.described_rows import DescribedRows
from protsae.descriptions.rule_words import UNKNOWN
from protsae.descriptions.terms import Annotated, Terms, from_json
from protsae.proteins.alphabet import STANDARD

MOST_WRONG = 0.05
"""Of the decoys of a kind of world, named with what they are not."""


@dataclass(frozen=True)
class World:
    """What a world is like.

    Attributes
    ----------
    test : families of test
    huge : proteins of the first family of test; 0: as the others
    background : share of all residues at which a feature is active without cause
    dense : activation of noise that is positive at half of all residues, in units of a detection's
    tail : standard deviation of the log of the level of a protein
    missing : share of the annotations of a type that an entry lacks
    overlapping : whether segments have names, and regions that nearly coincide with them
    """

    test: int = 60
    huge: int = 0
    background: float = 0.002
    dense: float = 0.0
    tail: float = 0.0
    missing: float = 0.15
    overlapping: bool = False


WORLDS = {
    "no background": World(background=0),
    "background": World(),
    "few, one huge": World(test=24, huge=40),
    "few": World(test=16),
    "dense": World(dense=0.3),
    "tails": World(tail=2),
    "half missing": World(missing=0.5, overlapping=True),
}
BY_PROTEIN = ("anywhere", "annotated proteins", "lacking proteins", "families", "rich proteins")
DECOYS = (
    *(*BY_PROTEIN, "letter of the family", "conserved places"),
    *("decaying", "periodic", "around sites"),
)


def draw_proteins(rng: np.random.Generator, world: World) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Proteins, and all that is true of them: accession, type, description, start, end."""
    rows, annotations = [], []
    for split, n_families in {"train": 90, "valid": 50, "test": world.test}.items():
        for number in range(n_families):
            length = int(rng.integers(80, 300))
            ancestor = rng.choice(20, length, p=rng.dirichlet(np.full(20, 6.0)))
            ancestor[0] = STANDARD.index("M")
            places = _named(rng, draw_annotations(rng, ancestor), length, world.overlapping)
            is_huge = world.huge and split == "test" and number == 0
            for copy in range(world.huge if is_huge else int(rng.integers(1, 4))):
                name = f"{split}{number}-{copy}"
                segments = [(kind, start, end) for kind, _, start, end in places]
                sequence = draw_member(rng, ancestor, segments)
                rows.append((name, sequence, length, f"{split}{number}", split))
                annotations += [(name, *place) for place in places]
    proteins = pd.DataFrame(rows, columns=["accession", "sequence", "length", "cluster", "split"])
    columns = ["accession", "type", "description", "start", "end"]
    return proteins, pd.DataFrame(annotations, columns=columns)


def _named(
    rng: np.random.Generator, places: list[tuple[str, int, int]], length: int, overlapping: bool
) -> list[tuple[str, str, int, int]]:
    """With names, and with regions that are a segment but for a few residues."""
    if not overlapping:
        return [(kind, "", start, end) for kind, start, end in places]
    found = []
    for kind, start, end in places:
        helical = kind == "TRANSMEM" and rng.random() < 0.8
        found.append((kind, "Helical" if helical else "", start, end))
        if kind in ("SIGNAL", "TRANSMEM"):
            first, last = start + rng.integers(-3, 4), end + rng.integers(-3, 4)
            found.append(("REGION", "Hydrophobic", max(1, int(first)), min(length, int(last))))
    return found


def level(
    rng: np.random.Generator, kind: str, proteins: pd.DataFrame, truth: pd.DataFrame
) -> np.ndarray:
    """Probability of activity of a decoy at each residue."""
    lengths = proteins["length"].to_numpy()
    place = np.concatenate([np.arange(length) for length in lengths])
    family = pd.factorize(proteins["cluster"])[0]
    if kind == "anywhere":
        return np.full(lengths.sum(), 0.02)
    if kind == "annotated proteins":
        having = truth.loc[truth["type"] == rng.choice(truth["type"].unique()), "accession"]
        return 0.1 * proteins["accession"].isin(having).to_numpy().repeat(lengths)
    if kind == "lacking proteins":
        having = truth.loc[truth["type"] == "TRANSMEM", "accession"]
        return 0.1 * ~proteins["accession"].isin(having).to_numpy().repeat(lengths)
    if kind == "families":
        return 0.6 * (rng.random(family.max() + 1) < 0.2)[family].repeat(lengths)
    if kind == "rich proteins":
        share = proteins["sequence"].str.count(rng.choice(list(STANDARD))) / lengths
        return 0.15 * (share >= share.quantile(0.75)).to_numpy().repeat(lengths)
    if kind == "letter of the family":
        own = rng.choice(20, family.max() + 1)[family].repeat(lengths)
        letters = np.array([STANDARD.index(a) for a in "".join(proteins["sequence"])])
        return 0.8 * (letters == own)
    if kind == "conserved places":
        chosen = (rng.random((family.max() + 1, 5))[family] * lengths[:, None]).astype(int)
        return 0.9 * (place[:, None] == chosen.repeat(lengths, axis=0)).any(1)
    if kind == "decaying":
        return 0.8 * np.exp(-place / 20)
    if kind == "periodic":
        return 0.8 * (place % 7 == rng.integers(0, 7, len(lengths)).repeat(lengths))
    first = dict(zip(proteins["accession"], lengths.cumsum() - lengths, strict=True))
    distance = np.full(lengths.sum(), 1000)
    size = dict(zip(proteins["accession"], lengths, strict=True))
    for name, start in truth.loc[truth["type"] == "BINDING", ["accession", "start"]].to_numpy():
        rows = slice(first[name], first[name] + size[name])
        distance[rows] = np.minimum(distance[rows], np.abs(place[rows] - (start - 1)))
    return 0.6 * ((distance >= 3) & (distance <= 12))


def draw_world(
    seed: int, world: World
) -> tuple[Layer, DescribedRows, list[np.ndarray], list[str], sparse.csc_array]:
    """Layer, true rows, where detectors should be active, kinds of decoys, and activations."""
    rng = np.random.default_rng(seed)
    proteins, truth = draw_proteins(rng, world)
    number = pd.Series(np.arange(len(proteins)), index=proteins["accession"])
    lacking = {kind: rng.random(len(proteins)) < world.missing for kind in truth["type"].unique()}
    at = number[truth["accession"]].to_numpy()
    kept = np.array([not lacking[kind][i] for kind, i in zip(truth["type"], at, strict=True)])
    every = DescribedRows(proteins, _concepts(proteins, truth))
    layer = Layer(proteins, _concepts(proteins, truth[kept]), AnnotateSettings(seed=seed))
    on = [every.all_hold(rule) for rule in PLANTED]
    kinds = [*DECOYS, *DECOYS]
    levels = [where * RECALL for where in on]
    levels += [level(rng, kind, proteins, truth) for kind in kinds]
    columns = []
    for own in levels:
        is_on = rng.random(len(own)) < np.maximum(own, world.background)
        value = is_on * rng.gamma(4, 1, len(own))
        value += 4 * world.dense * np.maximum(rng.normal(0, 1, len(own)), 0)
        value *= np.exp(world.tail * rng.normal(0, 1, len(proteins)))[every.protein]
        columns.append(sparse.csc_array(value[:, None].astype(np.float32)))
    return layer, every, on, kinds, sparse.csc_array(sparse.hstack(columns))


def codes_of(proteins: pd.DataFrame, values: sparse.csc_array) -> Dense:
    """Codes of each protein."""
    rows, ends = sparse.csr_array(values), proteins["length"].cumsum().to_numpy()
    of = {
        name: rows[end - length : end]
        for name, length, end in zip(proteins["accession"], proteins["length"], ends, strict=True)
    }
    return Dense(of, values.shape[1])


def describe_world(seed: int, world: World) -> pd.DataFrame:
    """Each feature of a world, in an SAE of all of them and in one of the decoys alone."""
    layer, every, on, kinds, values = draw_world(seed, world)
    names = [", ".join(term.name for term in rule) for rule in PLANTED] + kinds
    describer = Describer.of(layer)
    found = []
    for sae, first in (("all", 0), ("decoys", len(on))):
        codes = codes_of(layer.proteins, sparse.csc_array(values[:, first:]))
        evidence = pd.DataFrame(
            {"kind": "point", "concept": None, "activation_clusters": 50.0},
            index=range(len(names)),
        )
        table = describer.describe(codes, evidence.iloc[first:])
        rules = [from_json(row) if isinstance(row, str) else () for row in table["rule"]]
        said = [r if n != UNKNOWN else () for r, n in zip(rules, table["label"], strict=True)]
        right = [
            is_right(names[first + i], said[i], every, on[first + i : first + i + 1], first + i)
            for i in range(len(table))
        ]
        detects = [first + i < len(on) for i in range(len(table))]
        found.append(table.assign(sae=sae, planted=names[first:], detects=detects, right=right))
    return pd.concat(found)


def is_right(
    planted: str, found: Terms, rows: DescribedRows, where: list[np.ndarray], feature: int
) -> bool:
    """Whether all that is said is true; detectors must be named."""
    concepts = {term.concept.split(":")[0] for term in found if isinstance(term, Annotated)}
    if where:
        asked = {term.concept for term in PLANTED[feature] if isinstance(term, Annotated)}
        held = rows.all_hold(found) if found else np.zeros(len(rows), dtype=bool)
        f1 = f1_score((held & where[0]).sum(), held.sum(), where[0].sum())
        return bool(asked <= concepts) if asked and asked <= concepts else bool(f1 >= 0.7)
    if not found:
        return True
    if planted in BY_PROTEIN:
        return all(isinstance(term, Annotated) and term.part == "protein" for term in found)
    if planted == "decaying":
        return not concepts
    return planted == "around sites" and concepts == {"BINDING"}


def _concepts(proteins: pd.DataFrame, annotations: pd.DataFrame) -> ConceptTable:
    return ConceptTable.build(proteins, annotations, min_residues=10, min_clusters=3)


def main() -> int:
    """Worlds, and what was said in them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=5, help="of each kind")
    parser.add_argument("--kinds", nargs="*", default=list(WORLDS))
    parser.add_argument("--check", action="store_true", help="exit status 1 if many are wrong")
    parser.add_argument("--out", help="table of all features, as CSV")
    args = parser.parse_args()
    found = []
    for kind in args.kinds:
        for seed in range(args.worlds):
            found.append(describe_world(1000 + seed, WORLDS[kind]).assign(world=kind))
    table = pd.concat(found)
    if args.out:
        table.to_csv(args.out, index=False)
    table["wrong"] = (~table["right"]).astype(float)
    print("share of decoys with a wrong name, and of detectors without the right one")
    for sae in ("all", "decoys"):
        own = table[table["sae"] == sae]
        for by in (["detects", "planted"], ["detects"]):
            shares = own.pivot_table("wrong", by, "world", sort=False)
            print(f"\nSAE of {sae}\n{shares.round(3).to_string()}")
    nulls = table[table["planted"].isin(["anywhere", "families", "letter of the family"])]
    small = nulls.groupby(["world", "planted"])["p_value"].agg(
        n="count", at_0_05=lambda p: (p <= 0.05).mean(), at_0_01=lambda p: (p <= 0.01).mean()
    )
    print(f"\np-values of features that no term describes\n{small.round(3).to_string()}")
    too_many = table[~table["detects"]].groupby("world")["wrong"].mean() > MOST_WRONG
    return int(args.check and bool(too_many.any()))


if __name__ == "__main__":
    sys.exit(main())
