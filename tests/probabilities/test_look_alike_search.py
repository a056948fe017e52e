"""Counts and choice against loops over residues, on a world where look-alikes are planted."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.concepts.concept_table import ConceptTable
from protsae.probabilities.labelled_split import LabelledSplit, ScoredFeature
from protsae.probabilities.look_alike_search import find_look_alikes
from protsae.probabilities.look_alike_sites import LookAlike, is_near
from tests.association.tiny_layer import SETTINGS, codes_of
from tests.helpers.tiny_run import protein_rows

LENGTH, N_PROTEINS = 61, 480
PLACES = {"TRANSMEM": (41, 50), "SIGNAL": (3, 12), "COILED": (21, 30)}
MEMBRANE, SIGNAL_FEATURE, COIL_FEATURE = 0, 1, 2


def world(
    wrong_at_signal: float, marked: float, marked_membrane: float = 0.0
) -> tuple[Layer, dict[str, np.ndarray]]:
    """Each concept in a third of the proteins. The first feature is on at TRANSMEM, at this share
    of the residues of SIGNAL, and at one in fifty others; the second one at these shares of SIGNAL
    and of TRANSMEM; the third one at COILED."""
    rng = np.random.default_rng(11)
    proteins = protein_rows(N_PROTEINS, LENGTH)
    rows, activations = [], {}
    for number, name in enumerate(proteins["accession"]):
        on = rng.random((LENGTH, 3)) < [0.02, 0, 0]
        concept = list(PLACES)[number // 3 % 3]
        first, last = PLACES[concept]
        rows.append((name, concept, "", first, last))
        inside = slice(first - 1, last)
        share = {"TRANSMEM": [0.8, marked_membrane, 0], "SIGNAL": [wrong_at_signal, marked, 0]}
        on[inside] |= rng.random((10, 3)) < share.get(concept, [0.02, 0, 0.7])
        activations[name] = (on * rng.gamma(3, 1, on.shape)).astype(np.float32)
    columns = ["accession", "type", "description", "start", "end"]
    annotations = pd.DataFrame(rows, columns=columns)
    concepts = ConceptTable.build(proteins, annotations, min_residues=3, min_clusters=2)
    return Layer(proteins, concepts, SETTINGS), activations


def searched(
    wrong_at_signal: float = 0.5, marked: float = 0.6, marked_membrane: float = 0.0
) -> list[LookAlike | None]:
    layer, activations = world(wrong_at_signal, marked, marked_membrane)
    column = {named.name: i for i, named in enumerate(layer.concepts.concepts)}
    valid = LabelledSplit.read(layer, codes_of(activations), "valid", np.arange(3))
    scored = [ScoredFeature(MEMBRANE, column["TRANSMEM"], np.zeros(1))]
    candidates = {
        column["TRANSMEM"]: LookAlike("TRANSMEM", MEMBRANE, 0.0),
        column["SIGNAL"]: LookAlike("SIGNAL", SIGNAL_FEATURE, 0.0),
        column["COILED"]: LookAlike("COILED", COIL_FEATURE, 0.0),
    }
    return find_look_alikes(valid, scored, candidates)


def test_the_concept_at_which_the_feature_is_wrong_is_its_look_alike() -> None:
    assert searched() == [LookAlike("SIGNAL", SIGNAL_FEATURE, 0.0)]


@pytest.mark.parametrize(
    ("wrong_at_signal", "marked", "marked_membrane"),
    [
        pytest.param(0.02, 0.6, 0.0, id="no more often wrong there than elsewhere"),
        pytest.param(0.5, 0.005, 0.0, id="the look-alike's feature is on in too few clusters"),
        pytest.param(0.5, 0.6, 0.3, id="the look-alike's feature is on at most of the concept"),
    ],
)
def test_none(wrong_at_signal: float, marked: float, marked_membrane: float) -> None:
    assert searched(wrong_at_signal, marked, marked_membrane) == [None]


def test_counts_are_those_of_a_loop_over_residues() -> None:
    layer, activations = world(0.5, 0.6)
    column = {named.name: i for i, named in enumerate(layer.concepts.concepts)}
    valid = LabelledSplit.read(layer, codes_of(activations), "valid", np.arange(3))
    own = ScoredFeature(MEMBRANE, column["TRANSMEM"], np.array([1.0]))
    signal = LookAlike("SIGNAL", SIGNAL_FEATURE, 0.5)
    chosen = layer.proteins[layer.proteins["split"] == "valid"]
    labels = layer.concepts.labels(chosen["accession"].tolist()).toarray().astype(bool)
    has, alike = labels[:, column["TRANSMEM"]], labels[:, column["SIGNAL"]]
    value = np.concatenate([activations[name] for name in chosen["accession"]])
    marks = np.flatnonzero(value[:, SIGNAL_FEATURE] > 0.5)
    near = np.array(
        [(abs(marks - i) <= 20)[marks // LENGTH == i // LENGTH].any() for i in range(len(has))]
    )
    on = value[:, MEMBRANE] > 1
    far_and_near = [(part.tp.sum(), part.on.sum()) for part in valid.counts(own, own.edges, signal)]
    assert far_and_near == [((on & has & p).sum(), (on & p).sum()) for p in (~near, near)]
    [far, there] = valid.mistaken(own, signal, column["SIGNAL"])
    wrong = on & ~has
    assert far.tp.sum() == (wrong & alike & ~near).sum()
    assert there.tp.sum() == (wrong & alike & near).sum()
    assert there.on.sum() == (wrong & near).sum()
    assert there.positives.sum() == (alike & ~has).sum()
    assert there.known.sum() == (~has).sum()
    sizes = wrong.sum(), (wrong & alike).sum(), (~has).sum(), (alike & ~has).sum()
    found = valid.wrong_at(own, np.array([column["SIGNAL"]]))
    assert (found[0], found[1][0], found[2], found[3][0]) == sizes
    assert valid.overlaps(column["TRANSMEM"], np.array([column["SIGNAL"]])).tolist() == [0.0]
    assert valid.base_rate(column["SIGNAL"]) == alike.mean()


def test_near_does_not_reach_into_the_next_protein() -> None:
    lengths = np.array([7, 5, 11])
    rng = np.random.default_rng(2)
    others = np.flatnonzero(rng.random(23) < 0.2)
    protein = np.repeat(np.arange(3), lengths)
    slow = [
        any(abs(o - row) <= 3 and protein[o] == protein[row] for o in others) for row in range(23)
    ]
    assert is_near(np.arange(23), others, lengths, reach=3).tolist() == slow


def labelled(labels: np.ndarray, known: np.ndarray) -> LabelledSplit:
    """One protein without activations; each concept has a column of ``known``."""
    n_residues, n_concepts = labels.shape
    return LabelledSplit(
        np.arange(0),
        sparse.csc_array((n_residues, 0)),
        np.array([n_residues]),
        np.zeros(n_residues, np.int64),
        1,
        sparse.csr_array(labels),
        known,
        np.arange(n_concepts),
    )


def test_a_subtype_and_its_type_are_no_look_alikes_of_each_other() -> None:
    """Both overlaps are in shares of the rarer concept: of the 10 residues of the subtype, 10."""
    labels = np.zeros((100, 2), np.int64)
    labels[:40, 0], labels[:10, 1] = 1, 1
    split = labelled(labels, np.ones((100, 2), bool))
    assert split.overlaps(0, np.array([1])).tolist() == [1.0]
    assert split.overlaps(1, np.array([0])).tolist() == [1.0]


def test_overlaps_count_where_both_labels_are_known() -> None:
    """The first concept is known at the first 20 residues, where 5 of its 10 have the second."""
    labels, known = np.zeros((100, 2), np.int64), np.ones((100, 2), bool)
    labels[:10, 0], labels[5:60, 1], known[20:, 0] = 1, 1, False
    split = labelled(labels, known)
    assert split.overlaps(0, np.array([1])).tolist() == [0.5]
    assert split.known_apart(0, np.array([0, 1])).tolist() == [0.0, 0.8]
