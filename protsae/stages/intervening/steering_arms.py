"""What a steered design is compared with: other interventions of equal reach, and none."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from protsae.association.joined_baselines import best_per_concept
from protsae.config.reserved_names import COORDINATES
from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.interventions.intervention import Intervention, feature_directions, plain_direction
from protsae.interventions.steering import mean_change
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.table_files.bound_tables import read_bound_table
from protsae.one_line import cut
from protsae.run.layout import shard_names
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.pair_tables import ASSOCIATIONS
from protsae.stages.intervening.design_starts import plain_arms
from protsae.stages.intervening.designs import NONE, STEERED, Make
from protsae.stages.intervening.open_edits import OpenedRun, feature_amounts
from protsae.stages.intervening.opened_edits import OpenedEdit, OpenedEdits

RANDOM, COORDINATE, DIFFERENCE = "random feature", "coordinate", "mean difference"
ARMS = (STEERED, NONE, RANDOM, COORDINATE, DIFFERENCE)

LIKE = 2.0
"""Density of a random feature: within this factor of that of the edited one."""

ROWS = 20_000


@dataclass(frozen=True)
class Controls:
    """What controls take from a run.

    Attributes
    ----------
    opened : OpenedEdits
    run : OpenedRun
    features : DataFrame
        The run's feature table.
    seed : int
        Of the features drawn at random.
    asked_concept : str, optional
        What is steered to, if it is not the concept of the first feature.
    """

    opened: OpenedEdits
    run: OpenedRun
    features: pd.DataFrame
    seed: int = 0
    asked_concept: str | None = None

    def arms(self, with_controls: bool = True) -> dict[str, Make]:
        """Arms, each as a function that makes interventions.

        Parameters
        ----------
        with_controls : bool
            All arms; else the edits and none.

        Raises
        ------
        UserError
            If there is no concept, or the layer has no coordinate for it, so that there is nothing
            to compare with, or an edit is not of features.
        """
        if not with_controls:
            return plain_arms(self.opened)
        if other := [edit.written for edit in self.opened.edits if not edit.names]:
            raise UserError(
                f"--controls: {cut(str(other[0].along), 80)} is no feature of an SAE, which "
                "controls replace; leave --controls out"
            )
        first, concept = self.opened.edits[0], self.concept
        if concept is None:
            raise UserError(
                f"--controls: {first.names[0]} has no concept whose coordinate and difference of "
                "means could be taken; leave --controls out"
            )
        axis = self.coordinate(first, concept)
        if axis is None:
            raise UserError(
                f"--controls: no coordinate of layer {first.names[0].layer} was kept for "
                f"{cut(concept, 60)}; leave --controls out"
            )
        difference = self.mean_difference(first, concept)
        return {
            **plain_arms(self.opened),
            RANDOM: self.random_features,
            COORDINATE: lambda name, start, number: self.along(axis, name, start),
            DIFFERENCE: lambda name, start, number: self.along(difference, name, start),
        }

    @property
    def concept(self) -> str | None:
        """What is steered to: the one asked for, or that of the first feature, if it has one."""
        first = self.opened.edits[0]
        if self.asked_concept is not None or not first.names:
            return self.asked_concept
        table = self._of_sae(first).set_index("feature")
        found = table["concept"][first.names[0].feature]
        return found if isinstance(found, str) else None

    def coordinate(self, edit: OpenedEdit, concept: str) -> np.ndarray | None:
        """The layer's coordinate that is best on valid for a concept, signed: float, (d_model,)."""
        name, width = edit.names[0], edit.directions.write_KD.shape[1]
        where = {"model": name.model, "layer": name.layer, "variant": COORDINATES}
        pairs = read_bound_table(self.run.results, ASSOCIATIONS, where=where)
        best = best_per_concept(pairs[pairs["concept"] == concept])
        if best.empty:
            return None
        detector, axis = int(best["feature"].iloc[0]), np.zeros(width)
        axis[detector % width] = 1 if detector < width else -1
        return axis

    def random_features(self, name: str, start: str, number: int) -> list[Intervention]:
        """Each edited feature replaced by a random one of its SAE, of like density, edited alike.

        Another one for every start: what one feature does is not what features do.
        """
        rng = np.random.default_rng((self.seed, number))
        given = self.opened.interventions(name, start)
        return [
            self._random(edit, one, rng) for edit, one in zip(self.opened.edits, given, strict=True)
        ]

    def _random(
        self, edit: OpenedEdit, given: Intervention, rng: np.random.Generator
    ) -> Intervention:
        table = self._of_sae(edit).set_index("feature")
        edited = {name.feature for name in edit.names}
        chosen: list[int] = []
        for feature in (name.feature for name in edit.names):
            density = table["density"].to_numpy() / max(table["density"][feature], 1e-9)
            alike = table.index[(density <= LIKE) & (density >= 1 / LIKE)]
            others = [one for one in alike if one not in edited and one not in chosen]
            if not others:
                raise UserError(
                    f"--controls: no other feature of {edit.names[0].variant} is active about as "
                    f"often as {feature}; leave --controls out"
                )
            chosen.append(int(rng.choice(others)))
        first = edit.names[0]
        opened = self.opened.saes[first.model, first.layer, first.variant]
        names = [replace(first, feature=feature) for feature in chosen]
        amounts = feature_amounts(edit.written.amount, opened.codes, self.run.study, names)
        return replace(given, directions=feature_directions(opened.sae, chosen), amounts=amounts)

    def along(self, direction: np.ndarray, name: str, start: str) -> list[Intervention]:
        """A direction added where each edit acts, as much as that changes activations on average.

        Its mean change is measured in the start, in the residues that it changes.
        """
        moved = torch.from_numpy(direction).float().to(self.opened.esm2.device)
        return [
            replace(
                one,
                directions=plain_direction(moved),
                action="add",
                amounts=(mean_change(self.opened.esm2, start, one),),
                where_active=False,
            )
            for one in self.opened.interventions(name, start)
        ]

    def mean_difference(self, edit: OpenedEdit, concept: str) -> np.ndarray:
        """Mean activations of train with a concept less those known to lack it, (d_model,).

        Raises
        ------
        UserError
            If the run does not have the concept at residues of train.
        """
        concepts, study = self.run.concepts, self.run.study
        names = [known.name for known in concepts.concepts]
        column = names.index(concept)
        known_column = concepts.known_column[column]
        first = edit.names[0]
        folder = self.run.results / "activations" / first.model
        paths = [folder / f"shard-{shard}.h5" for shard in shard_names(self.run.config)]
        cache = LayerCache(paths, first.layer, study.protein_set)
        sums, counts = np.zeros((2, cache.d_model)), np.zeros(2)
        for accessions, rows in cache.protein_blocks(study.names("train"), ROWS):
            label = concepts.labels(accessions)[:, [column]].toarray().ravel() > 0
            known = concepts.known(accessions)[:, known_column]
            for side, where in enumerate((known & ~label, known & label)):
                sums[side] += rows[where].sum(0, dtype=np.float64)
                counts[side] += where.sum()
        if not counts.all():
            raise UserError(
                f"--controls: no residues of train with and without {concept}; leave --controls out"
            )
        lack, have = sums / counts[:, None]
        return have - lack

    def _of_sae(self, edit: OpenedEdit) -> pd.DataFrame:
        name, table = edit.names[0], self.features
        return table[
            (table["model"] == name.model)
            & (table["layer"] == name.layer)
            & (table["variant"] == name.variant)
        ]


def open_controls(
    opened: OpenedEdits, results: Path, config: Config, seed: int, concept: str | None = None
) -> Controls:
    """Read what controls take from a run."""
    features = read_bound_table(results, FEATURES)
    return Controls(opened, OpenedRun(results, config), features, seed, concept)
