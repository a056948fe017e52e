"""All tables of how the features of a run stand to one another."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import permutations

import pandas as pd

from protsae.association.joined_baselines import best_per_concept
from protsae.association.scoring.metrics import CALLED_Q
from protsae.config.reserved_names import is_permuted, trained_name
from protsae.config.stage_settings import NeighbourSettings
from protsae.errors import UserError
from protsae.io.progress import progress
from protsae.schema.pair_tables import LAYER_ASSOCIATIONS
from protsae.stages.neighbouring.absorption_rows import Detector, absorption_rows
from protsae.stages.neighbouring.match_rows import match_rows
from protsae.stages.neighbouring.neighbour_rows import (
    community_rows,
    map_rows,
    nearest_by_decoder,
    neighbour_rows,
)
from protsae.stages.neighbouring.related_run import RelatedRun
from protsae.stages.neighbouring.related_sae import RelatedSae, Side, sides
from protsae.stages.neighbouring.related_tables import TABLES, NeighbourTables


def relate_features(run: RelatedRun, settings: NeighbourSettings) -> NeighbourTables:
    """Neighbours, communities, matches and absorption of the SAEs named, in all models and layers.

    The SAEs of two successive layers are in memory at a time: their activations at 200,000 residues
    of train and valid and in 400 test proteins. Those of a permuted model are set beside those of
    the model's same layer, too.

    Raises
    ------
    UserError
        If the run is not finished, or its parts do not belong together.
    """
    chosen, test = sides(run.study.proteins, settings.seed)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    before: list[RelatedSae] = []
    variants = related_saes(run, settings)
    for model, layer in progress(run.layers, "relating features", "layers"):
        saes = [run.sae(model, layer, variant, chosen, test) for variant in variants]
        for sae in saes:
            for name, rows in _own_tables(run, sae, chosen, test, settings):
                parts[name].append(rows)
        for own, other in _matched(before, saes):
            parts["matches"].append(match_rows(own, other, chosen, test))
        for own, other in across_models(run, saes, chosen, test):
            parts["matches"].append(match_rows(own, other, chosen, test))
        before = saes
    joined = {name: _joined(rows, name) for name, rows in parts.items()}
    assert {field.name for field in fields(NeighbourTables)} == joined.keys()
    return NeighbourTables(**joined)


def related_saes(run: RelatedRun, settings: NeighbourSettings) -> list[str]:
    """SAEs whose features are related: those named that the run has; else all not frozen.

    Raises
    ------
    UserError
        If the run has none of those named.
    """
    if settings.saes:
        found = [name for name in run.config.train if name in settings.saes]
        if not found:
            raise UserError(
                f"{run.results}: none of the SAEs {', '.join(settings.saes)}; it has "
                f"{', '.join(run.config.train)}"
            )
        return found
    return run.config.learned_saes


def _own_tables(
    run: RelatedRun,
    sae: RelatedSae,
    chosen: Side,
    test: Side,
    settings: NeighbourSettings,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows of an SAE by itself, by the names of their tables."""
    near = nearest_by_decoder(sae, settings.neighbours)
    yield "neighbours", neighbour_rows(sae, near, chosen, test, settings)
    placed = map_rows(sae, near, settings)
    yield "map", placed
    pairs = run.annotated(sae.model, sae.layer, LAYER_ASSOCIATIONS)
    pairs = pairs[pairs["variant"] == sae.variant]
    yield "communities", community_rows(sae, placed, pairs[pairs["q_value"] <= CALLED_Q])
    detectors = best_detectors(pairs)
    activations = run.activations(sae.model, sae.layer, sae.variant)
    of_test = run.study.of_split("test")
    yield "absorption", absorption_rows(sae, activations, detectors, run.concepts, of_test)


def best_detectors(pairs: pd.DataFrame) -> dict[str, Detector]:
    """For each concept the feature with the highest F1 on valid, if it is called on test.

    Parameters
    ----------
    pairs : DataFrame
        Rows of ``associations``, of one SAE.
    """
    best = best_per_concept(pairs)
    called = best[best["q_value"] <= CALLED_Q]
    f1_of = {
        feature: dict(zip(rows["concept"], rows["valid_f1"], strict=True))
        for feature, rows in pairs.groupby("feature")
    }
    rows = zip(called["concept"], called["feature"], called["threshold"], strict=True)
    return {
        concept: Detector(int(feature), float(threshold), f1_of[feature])
        for concept, feature, threshold in rows
    }


def _matched(
    before: Sequence[RelatedSae], saes: Sequence[RelatedSae]
) -> Iterator[tuple[RelatedSae, RelatedSae]]:
    """The same SAE of the layer before and this one; then all others of this layer."""
    for own in before:
        for other in saes:
            if own.model == other.model and own.variant == other.variant:
                yield own, other
    yield from permutations(saes, 2)


def across_models(
    run: RelatedRun, saes: Sequence[RelatedSae], chosen: Side, test: Side
) -> Iterator[tuple[RelatedSae, RelatedSae]]:
    """The model's SAE beside each of a permuted model, of the same layer; it is read again."""
    for other in saes:
        if is_permuted(other.model) and (trained_name(other.model), other.layer) in run.layers:
            own = run.sae(trained_name(other.model), other.layer, other.variant, chosen, test)
            yield own, other


def _joined(parts: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    """All rows, with the columns of the table alone."""
    table = TABLES[name]
    filled = [rows for rows in parts if len(rows)]
    if not filled:
        return pd.DataFrame(columns=table.names)
    rows = pd.concat([part.astype({"layer": "int64"}) for part in filled], ignore_index=True)
    return rows[table.names]
