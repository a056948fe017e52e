"""Confounded samples of proteins, by hand."""

import gzip
import json
from pathlib import Path

import numpy as np

from studies.confounders.measure import chosen_proteins, is_yeast, sampled

CELL = np.repeat([0, 1, 2, 3], [100, 30, 20, 70])


def counts(chosen: np.ndarray) -> list[int]:
    assert len(np.unique(chosen)) == len(chosen)
    return np.bincount(CELL[chosen], minlength=4).tolist()


def test_half_have_the_label_and_the_share_agrees() -> None:
    """70 with both are 45 % of at most 155."""
    assert counts(sampled(CELL, 0.9, np.random.default_rng(0), 1000)) == [70, 8, 8, 70]
    assert counts(sampled(CELL, 0.9, np.random.default_rng(0), 100)) == [45, 5, 5, 45]
    assert counts(sampled(CELL, 0.5, np.random.default_rng(0), 1000)) == [20] * 4


def test_samples_are_as_large_whatever_the_share_and_test_is_whole() -> None:
    cell, split = np.tile(CELL, 3), np.repeat(["train", "valid", "test"], len(CELL))
    for agree, expected in ((0.9, [36, 4, 4, 36]), (0.5, [20] * 4)):
        own = chosen_proteins(cell, split, agree, np.random.default_rng(1))
        for name in ("train", "valid"):
            assert np.bincount(cell[own][split[own] == name]).tolist() == expected
        assert (split[own] == "test").sum() == len(CELL)


def test_only_the_two_species_count(tmp_path: Path) -> None:
    path = tmp_path / "annotated.jsonl.gz"
    taxa = {"P1": "559292", "P2": "224308", "P3": "9606"}
    with gzip.open(path, "wt") as file:
        for name, taxon in taxa.items():
            file.write(json.dumps({"accession": name, "taxon_id": taxon}) + "\n")
    np.testing.assert_array_equal(
        is_yeast(str(path), ["P3", "P2", "P1", "P9"]), [np.nan, 0, 1, np.nan]
    )
