"""Gaps that were planted: a feature is on at SIGNAL's place in all proteins, half are annotated."""

import numpy as np
import pytest

from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import examine
from protsae.detectors.activations import Codes
from protsae.missing_annotations.search import Missing, missing_annotation
from tests.association.tiny_layer import (
    LENGTH,
    N_PROTEINS,
    build_layer,
    codes_of,
    place,
    signal,
    start,
)
from tests.helpers.tiny_run import protein_rows


def activations_of(everywhere: bool) -> dict[str, np.ndarray]:
    """Feature 1 is on at SIGNAL's place, in every protein or in the annotated ones; most at its
    third residue. Feature 0 is on never, 2 at random."""
    rng = np.random.default_rng(0)
    activations = {}
    for i, (name, is_signal) in enumerate(signal(protein_rows(N_PROTEINS, LENGTH)).items()):
        rows = np.zeros((LENGTH, 3), np.float32)
        rows[:, 1] = place(i) if everywhere else is_signal
        rows[start(i) + 1, 1] *= 2
        rows[:, 2] = rng.random(LENGTH) < 0.1
        activations[name] = rows
    return activations


def build(everywhere: bool) -> Codes:
    return codes_of(activations_of(everywhere))


def found(codes: Codes) -> Missing:
    layer = build_layer()
    missing = missing_annotation(layer, codes, examine(layer, HeldOut.of(layer), codes))
    assert missing is not None
    return missing


def test_segments_that_lack_the_annotation_are_candidates() -> None:
    candidates = found(build(everywhere=True)).candidates
    test = build_layer().of_split("test")
    annotated = signal(build_layer().proteins)
    gaps = sorted(name for name in test["accession"] if not annotated[name].any())
    of_signal = candidates[candidates["concept"] == "SIGNAL"]
    assert sorted(of_signal["accession"]) == gaps
    assert (of_signal["feature"] == 1).all()
    first = of_signal["accession"].map({f"P{i:05d}": start(i) for i in range(N_PROTEINS)})
    assert (of_signal["start"] == first).all()
    assert (of_signal["end"] == first + 5).all()
    assert (of_signal["peak"] == first + 2).all()
    # Half of the segments of train are annotated.
    assert of_signal["probability"].tolist() == pytest.approx([0.5] * len(gaps))


def test_the_choice_on_valid_does_not_flatter_the_probabilities() -> None:
    """On valid the feature is on at annotated places alone; elsewhere half are annotated."""
    of_valid = build_layer().names("valid")
    right, half = activations_of(everywhere=False), activations_of(everywhere=True)
    lucky = {name: (right if name in of_valid else half)[name] for name in half}
    candidates = found(codes_of(lucky)).candidates.query("concept == 'SIGNAL'")
    assert len(candidates) > 0
    assert candidates["probability"].tolist() == pytest.approx([0.5] * len(candidates))


def test_where_nothing_is_missing_there_is_no_candidate_but_what_was_hidden() -> None:
    missing = found(build(everywhere=False))
    assert missing.candidates[missing.candidates["concept"] == "SIGNAL"].empty
    (row,) = missing.recovery.concepts.query("concept == 'SIGNAL'").to_dict("records")
    # A fifth of twelve instances, rounded.
    counts = ("n_instances", "n_hidden", "n_found", "n_found_first")
    assert tuple(row[name] for name in counts) == (12, 2, 2, 2)


def test_no_feature_good_enough() -> None:
    rows = {name: np.zeros((LENGTH, 3), np.float32) for name in signal(protein_rows(N_PROTEINS))}
    layer, codes = build_layer(), codes_of(rows)
    assert missing_annotation(layer, codes, examine(layer, HeldOut.of(layer), codes)) is None
