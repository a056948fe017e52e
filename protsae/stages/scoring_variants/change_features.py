"""Which features of a run's SAEs a mutant changes, and by how much, mutant by mutant."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.detectors.activations import sparse_rows
from protsae.interventions.changed_activations import (
    FeatureChanges,
    Nearby,
    feature_changes,
    in_float32,
    layer_change,
    layer_rows,
    mean_norms,
    nearby_activations,
)
from protsae.interventions.neighbourhoods import FLANK
from protsae.io.progress import progress
from protsae.proteins.substitutions import Mutant
from protsae.schema.explained.variant_tables import FROM_FEATURES
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.opened_sae import OpenedSae, encoded

MUTANTS_TOGETHER, VALUES_TOGETHER = 60, 1 << 25
"""Mutants whose residues are encoded at a time, about a thousand rows; fewer where the features of
all SAEs would have more activations at these residues."""

SaeKey = tuple[int, str]
"""Layer and variant."""


@dataclass(frozen=True)
class Changes:
    """What one mutant changes near its sites.

    Attributes
    ----------
    nearby : Nearby
        The layers' own activations.
    features : dict of (layer, variant) to FeatureChanges
    layer_change : float
        As in the variants table.
    """

    nearby: Nearby
    features: Mapping[SaeKey, FeatureChanges]
    layer_change: float

    @property
    def summary(self) -> dict[str, float | int]:
        """The columns of the variants table from feature_change on."""
        found = self.features.values()
        return {
            "feature_change": float(np.mean([one.total.sum() for one in found])),
            "layer_change": self.layer_change,
            "n_lost": sum(one.n_lost for one in found),
            "n_gained": sum(one.n_gained for one in found),
        }


def mutant_changes(
    explainer: Explainer, sequence: str, mutants: Sequence[Mutant]
) -> Iterator[Changes]:
    """Changes by each mutant, in their order; memory is bounded by `VALUES_TOGETHER`."""
    embedder = in_float32(explainer.embedder)
    wild_type = layer_rows(embedder, sequence)
    norms = mean_norms(wild_type)
    codes = {key: _codes(sae, wild_type[key[0]]) for key, sae in explainer.saes.items()}
    nearby = nearby_activations(embedder, sequence, wild_type, mutants)
    n_features = sum(len(sae.features) for sae in explainer.saes.values())
    n_together = max(1, min(MUTANTS_TOGETHER, VALUES_TOGETHER // ((2 * FLANK + 1) * n_features)))
    with progress(len(mutants), "changing residues", "mutants") as bar:
        while group := list(itertools.islice(nearby, n_together)):
            found = {
                key: _of_group(sae, key[0], group, codes[key])
                for key, sae in explainer.saes.items()
            }
            for number, near in enumerate(group):
                own = {key: by_mutant[number] for key, by_mutant in found.items()}
                yield Changes(near, own, layer_change(near, norms))
            bar.update(len(group))


def _codes(sae: OpenedSae, rows: np.ndarray) -> sparse.csr_array:
    """Of the whole protein, sparse, as they are held all the time."""
    return encoded(lambda part: sparse_rows(sae.encode(part)), rows)


def _of_group(
    sae: OpenedSae, layer: int, group: Sequence[Nearby], codes: sparse.csr_array
) -> list[FeatureChanges]:
    """Changes of an SAE's features by each of some mutants, whose residues are encoded at once."""
    scale = sae.features["max_activation"].to_numpy(np.float64)
    encoded = sparse_rows(sae.encode(np.concatenate([one.changed[layer] for one in group])))
    changed = encoded.toarray()
    stops = np.cumsum([len(one.residues) for one in group])
    return [
        feature_changes(codes[one.residues].toarray(), after, scale)
        for one, after in zip(group, np.split(changed, stops[:-1]), strict=True)
    ]


def top_features(changes: Changes, saes: Mapping[SaeKey, OpenedSae], n: int) -> pd.DataFrame:
    """The features that a mutant changes most: rows of the variant_features table.

    Without the protein's name. Features that do not change are left out.
    """
    keys = list(changes.features)
    totals = [changes.features[key].total for key in keys]
    sae = np.repeat(np.arange(len(keys)), [len(total) for total in totals])
    feature = np.concatenate([np.arange(len(total)) for total in totals])
    total = np.concatenate(totals)
    order = np.argsort(-total, kind="stable")[:n]
    order = order[total[order] > 0]
    rows = [
        _row(changes, keys[sae[i]], saes[keys[sae[i]]], int(feature[i]), float(total[i]))
        for i in order
    ]
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return table.assign(
        mutant=str(changes.nearby.mutant),
        rank=range(1, len(table) + 1),
        recurs=table["recurs"].astype("Int64"),
    )


_COLUMNS = (
    *("layer", "variant", "feature", *FROM_FEATURES, "change", "position"),
    *("activation_before", "activation_after", "total_change"),
)


def _row(
    changes: Changes, key: SaeKey, sae: OpenedSae, feature: int, total: float
) -> dict[str, object]:
    found = changes.features[key]
    # Of one feature alone: its column.
    peak = int(np.abs(found.changed[:, feature] - found.wild_type[:, feature]).argmax())
    before, after = float(found.wild_type[peak, feature]), float(found.changed[peak, feature])
    said = {name: sae.features[name].iloc[feature] for name in FROM_FEATURES}
    values = (*key, feature, *said.values(), change_word(before, after))
    position = int(changes.nearby.residues[peak]) + 1
    return dict(zip(_COLUMNS, (*values, position, before, after, total), strict=True))


def change_word(before: float, after: float) -> str:
    """What becomes of an activation.

    Examples
    --------
    >>> change_word(1, 0), change_word(0, 2), change_word(2, 1), change_word(1, 2)
    ('lost', 'gained', 'less', 'more')
    """
    if after == 0 or before == 0:
        return "lost" if after < before else "gained"
    return "less" if after < before else "more"
