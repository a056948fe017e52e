"""Rows of matches in a planted world: which models are compared, and by what."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from benchmarks.planted_neighbours import D_MODEL, N_ATOMS, N_CHOSEN, World, draw_world
from protsae.schema.neighbours.match_tables import MATCHES
from protsae.schema.table import conform
from protsae.stages.neighbouring.match_rows import match_rows
from protsae.stages.neighbouring.neighbour_files import across_line
from protsae.stages.neighbouring.relate_features import across_models
from protsae.stages.neighbouring.related_sae import RelatedSae, Side

DECODER_COLUMNS = ["match_cosine", "decoder_match", "decoder_cosine"]


@pytest.fixture(scope="module")
def world() -> World:
    """Half of the 40 features of the first SAE are in the second, too, the others are not."""
    return draw_world(3)


def _side(world: World, rows: slice, proteins: slice) -> Side:
    return Side([], world.lengths[proteins], world.letters[rows])


def _rows(world: World, own: str, other: str, layers: tuple[int, int] = (3, 3)) -> pd.DataFrame:
    n = int(world.lengths[:N_CHOSEN].sum())
    chosen, test = slice(0, n), slice(n, None)
    decoder = np.random.default_rng(0).normal(size=(N_ATOMS, D_MODEL)).astype(np.float32)
    saes = [
        RelatedSae(model, layer, "topk", decoder, codes[chosen], codes[test])
        for model, layer, codes in zip(
            (own, other), layers, (world.first, world.second), strict=True
        )
    ]
    sides = _side(world, chosen, slice(N_CHOSEN)), _side(world, test, slice(N_CHOSEN, None))
    return match_rows(*saes, *sides)


def test_what_both_models_have_is_found_and_nothing_else(world: World) -> None:
    rows = _rows(world, "esm2", "esm2-permuted")
    assert rows["match_model"].unique().tolist() == ["esm2-permuted"]
    planted = world.atoms < N_ATOMS // 2
    same = (rows["persists"] == 1).to_numpy()
    assert not same[~planted].any()
    assert same[planted].mean() >= 0.9
    found = rows.loc[same, "match"].astype(int)
    assert world.next_atoms[found].tolist() == world.atoms[same].tolist()


def test_decoder_vectors_of_two_models_are_not_compared(world: World) -> None:
    across = _rows(world, "esm2", "esm2-permuted")
    assert across[DECODER_COLUMNS].isna().all().all()
    within = _rows(world, "esm2", "esm2", (3, 4))
    assert (within["decoder_match"] == np.arange(N_ATOMS)).all(), "both have one decoder here"
    assert within["decoder_cosine"].round(5).eq(1).all()
    rest = [name for name in across if name not in (*DECODER_COLUMNS, "match_model", "match_layer")]
    pd.testing.assert_frame_equal(across[rest], within[rest])
    for rows in (across, within):
        conform(rows[MATCHES.names], MATCHES, "matches.parquet")


def test_features_of_one_letter_are_close_but_no_more_than_the_letter(world: World) -> None:
    """As the embeddings of permuted models give: every letter has its feature in both."""
    by_letter = sparse.csr_array(np.eye(20, N_ATOMS)[world.letters])
    rows = _rows(replace(world, first=by_letter, second=by_letter), "esm2", "esm2-permuted")
    letters = rows.head(20)
    assert letters["match"].tolist() == list(range(20))
    assert letters["residue_correlation"].round(6).eq(1).all()
    assert (letters["persists"] == 0).all()
    assert across_line(rows) == (
        "of 20 features active in 10 test clusters, 20 correlate by 0.71 or more with one of the "
        "permuted model, 0 of them as more than a place, a protein or an amino acid"
    )


class _Run:
    """Layers, and SAEs that say what was asked for."""

    layers = (("onehot", 0), ("esm2", 1), ("esm2", 2), ("esm2-permuted", 2), ("esm2-permuted", 9))

    def sae(self, *asked: object) -> RelatedSae:
        model, layer, variant, *_ = asked
        empty = sparse.csr_array((0, 0), dtype=np.float32)
        return RelatedSae(model, layer, variant, np.zeros((0, 0), np.float32), empty, empty)


def test_permuted_layers_are_set_beside_the_models_own(world: World) -> None:
    run, side = _Run(), _side(world, slice(0, 0), slice(0, 0))
    found = []
    for model, layer in run.layers:
        saes = [run.sae(model, layer, variant) for variant in ("topk", "relu")]
        found += across_models(run, saes, side, side)
    assert [(own.key, other.key) for own, other in found] == [
        (
            {"model": "esm2", "layer": 2, "variant": variant},
            {"model": "esm2-permuted", "layer": 2, "variant": variant},
        )
        for variant in ("topk", "relu")
    ], "layer 9 of the model is not in the run"
