"""Labels of test by hand: instances that are found, and those that are missed by one residue."""

import numpy as np
import pytest

from protsae.association.pairs import held_out_labels
from protsae.association.pairs.held_out_labels import HeldOut
from tests.association.tiny_layer import LENGTH, build_layer, start

LAYER = build_layer()
SPLIT = HeldOut.of(LAYER)
SIGNAL = [concept.name for concept in LAYER.concepts.concepts].index("SIGNAL")


def first_rows() -> np.ndarray:
    """Row of the first residue of each SIGNAL of test, six residues long."""
    every = LAYER.proteins["accession"].tolist()
    numbers = [every.index(name) for name in LAYER.of_split("test")["accession"]]
    return np.array([i * LENGTH + start(n) - 1 for i, n in enumerate(numbers) if n % 6 < 3])


def test_instances_are_where_their_labels_are() -> None:
    assert np.add.outer(first_rows(), np.arange(6)).ravel().tolist() == SPLIT.rows(SIGNAL).tolist()
    mine = SPLIT.instances.take(SPLIT.instances.column == SIGNAL)
    assert mine.begin.tolist() == first_rows().tolist()
    assert (mine.end - mine.begin).tolist() == [6] * len(first_rows())


def test_a_residue_of_an_instance_finds_it() -> None:
    """Detectors that are on at its first and last residue, beside it, and at every third."""
    first = first_rows()
    on = [first, first + 5, np.sort(np.append(first - 1, first + 6)), first[::3]]
    n = len(first)
    assert SPLIT.instances_found(SIGNAL, on).tolist() == [n, n, 0, -(-n // 3)]
    assert SPLIT.n_instances[SIGNAL] == n


def test_nulls_are_kept_for_the_next_detectors_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split = HeldOut.of(LAYER)
    kept = split.nulls(0)
    assert split.nulls(0) is kept
    of_rows = kept.rotated.place.nbytes + sum(way.times.nbytes for way in kept.given.ways)
    assert kept.nbytes > of_rows
    monkeypatch.setattr(held_out_labels, "HELD_BYTES", kept.nbytes)
    assert split.nulls(1) is not split.nulls(1)
    assert split.nulls(0) is kept
