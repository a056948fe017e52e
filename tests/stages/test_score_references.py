"""The references by hand; files and flags are tested with the commands."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.concepts.concept_table import ConceptTable
from protsae.stages import score_references
from protsae.stages.score_references import homology_reader
from tests.helpers.tiny_run import protein_rows

SCORED = {"SIGNAL": (1, 2), "HELIX": (1, 2), "STRAND": (4, 5)}
"""Features of valid and test, so that the concepts are scored."""


def test_what_is_left_out_of_all_parts_is_not_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proteins = protein_rows(5).assign(split=["train", "valid", "left out", "test", "train"])
    asked: list[list[str]] = []
    monkeypatch.setattr(score_references, "search", lambda *given: asked.extend(given[:2]) or [])
    concepts = SimpleNamespace(
        labels=lambda names: sparse.csr_array((len(names) * 29, 2)),
        known=lambda names: np.ones((len(names) * 29, 1), dtype=bool),
        known_column=np.zeros(2, dtype=np.int64),
    )
    _, has_hit = homology_reader(proteins, concepts, 1e-3, threads=1)
    sequences = proteins["sequence"].tolist()
    assert asked == [[sequences[1], sequences[3]], [sequences[0], sequences[4]]]
    assert has_hit == set()


def test_what_the_best_hit_does_not_know_comes_from_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T1 is the better hit and has no structure; T2 has one from residue 2 to 4."""
    proteins = pd.DataFrame(
        [
            *(("T1", "ACDEFG", "a", "train"), ("T2", "ACDEFG", "b", "train")),
            *(("V", "ACDEFG", "c", "valid"), ("Q", "ACDEFG", "d", "test")),
        ],
        columns=["accession", "sequence", "cluster", "split"],
    ).assign(length=6)
    rows = [("T1", "SIGNAL", 1, 2), ("T2", "HELIX", 2, 3), ("T2", "STRAND", 4, 4)]
    rows += [(name, kind, *at) for name in "VQ" for kind, at in SCORED.items()]
    features = pd.DataFrame(rows, columns=["accession", "type", "start", "end"])
    concepts = ConceptTable.build(proteins, features.assign(description=""), 1, 1)
    every = np.arange(6)
    hits = [SimpleNamespace(query=1, target=t, pairs=lambda: (every, every)) for t in (0, 1)]
    monkeypatch.setattr("protsae.stages.score_references.search", lambda *_: hits)
    read, _ = homology_reader(proteins, concepts, 1e-3, threads=1)
    ((names, found),) = read({"Q"}, 100)
    assert names == ["Q"]
    place = {p.name: i for i, p in enumerate(concepts.concepts)}
    copied, covered = np.split(found.astype(int), 2, axis=1)
    assert copied[:, place["SIGNAL"]].tolist() == [1, 1, 0, 0, 0, 0]
    assert covered[:, place["SIGNAL"]].tolist() == [1] * 6
    assert copied[:, place["HELIX"]].tolist() == [0, 1, 1, 0, 0, 0]
    assert covered[:, place["HELIX"]].tolist() == [0, 1, 1, 1, 0, 0]
