"""Rows of the tables neighbours, map and communities, of one SAE."""

import numpy as np
import pandas as pd
import torch

from protsae.config.stage_settings import NeighbourSettings
from protsae.neighbours.coactivation import (
    FEWEST_PROTEINS,
    Nearest,
    Together,
    nearest_by_jaccard,
    peaks,
    present,
    together,
)
from protsae.neighbours.communities import communities
from protsae.neighbours.community_concepts import enriched_concepts
from protsae.neighbours.feature_map import feature_map
from protsae.neighbours.near_directions import nearest_directions, random_cosines
from protsae.stages.neighbouring.related_sae import RelatedSae, Side


def neighbour_rows(
    sae: RelatedSae, near: Nearest, chosen: Side, test: Side, settings: NeighbourSettings
) -> pd.DataFrame:
    """Rows of the table ``neighbours``: by decoder (``near``), residues and proteins."""
    at_chosen, at_test = sae.chosen > 0, sae.test > 0
    peaks_PF = peaks(sae.chosen, chosen.lengths)
    largest = peaks_PF.max(axis=0).toarray().ravel()
    in_chosen = present(peaks_PF, largest)
    in_test = present(peaks(sae.test, test.lengths), largest)
    active_proteins = np.bincount(peaks_PF.indices, minlength=peaks_PF.shape[1])
    may = active_proteins >= FEWEST_PROTEINS
    one_kind = np.zeros(len(test.lengths), np.int64)
    cosines = random_cosines(
        torch.from_numpy(sae.decoder_FD[sae.is_active]), settings.neighbours, settings.seed
    )
    found = {
        "decoder": (near, at_test, test.letters),
        "residues": (
            nearest_by_jaccard(at_chosen, settings.neighbours, may),
            at_test,
            test.letters,
        ),
        "proteins": (nearest_by_jaccard(in_chosen, settings.neighbours, may), in_test, one_kind),
    }
    parts = []
    for kind, (nearest, active, kind_of_unit) in found.items():
        feature, rank = np.nonzero(nearest.which >= 0)
        neighbour = nearest.which[feature, rank]
        rows = pd.DataFrame(
            {
                "feature": feature,
                "kind": kind,
                "rank": rank + 1,
                "neighbour": neighbour,
                "value": nearest.value[feature, rank],
                "random_cosine": np.asarray(cosines)[rank] if kind == "decoder" else np.nan,
            }
        )
        parts.append(rows.assign(**_counted(together(active, kind_of_unit, feature, neighbour))))
    kinds = {kind: number for number, kind in enumerate(found)}
    table = pd.concat(parts, ignore_index=True)
    order = np.lexsort((table["rank"], table["kind"].map(kinds), table["feature"]))
    return table.iloc[order].assign(**sae.key)


def _counted(counts: Together) -> dict[str, np.ndarray]:
    return {
        "test_value": counts.jaccard,
        "expected": counts.expected_jaccard,
        "neighbour_given_feature": counts.other_given_own,
        "feature_given_neighbour": counts.own_given_other,
    }


def nearest_by_decoder(sae: RelatedSae, count: int) -> Nearest:
    """Neighbours by the cosine of decoder vectors, of features that are active."""
    directions = torch.from_numpy(sae.decoder_FD)
    return nearest_directions(directions, count, torch.from_numpy(sae.is_active))


def map_rows(sae: RelatedSae, near: Nearest, settings: NeighbourSettings) -> pd.DataFrame:
    """Rows of the table ``map``: every feature, with its community and its place."""
    group = communities(near, settings.seed)
    place = np.full((len(group), 2), np.nan)
    if settings.map:
        place = feature_map(near, sae.decoder_FD, settings.seed).astype(np.float64)
    community = pd.Series(group, dtype="Int64").where(group >= 0)
    rows = {"feature": np.arange(len(group)), "community": community}
    return pd.DataFrame({**rows, "x": place[:, 0], "y": place[:, 1]}).assign(**sae.key)


def community_rows(sae: RelatedSae, placed: pd.DataFrame, called: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table ``communities``, from those of ``map`` and the pairs called."""
    group = placed["community"].fillna(-1).to_numpy(np.int64)
    return enriched_concepts(group, called).assign(**sae.key)
