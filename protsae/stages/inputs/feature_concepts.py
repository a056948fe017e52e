"""The concept of each feature of a layer, from the tables of annotate, and who has it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import ConceptSettings
from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.table_files.parquet import read_table, validate_table
from protsae.run.same_study import (
    validate_annotated,
    validate_same_layer,
    validate_same_study,
)
from protsae.schema.features.feature_tables import LAYER_FEATURES
from protsae.stages.inputs.concept_inputs import read_concepts
from protsae.stages.inputs.studied_proteins import Study


@dataclass(frozen=True)
class FeatureConcepts:
    """What `annotate` found best on valid for each feature of a layer, and the labels of residues.

    Attributes
    ----------
    names : mapping of str to list of (str or None)
        For each SAE the concept of each feature, None if it has none.
    table : ConceptTable
    """

    names: Mapping[str, list[str | None]]
    table: ConceptTable

    def labels(self, accession: str, wanted: Iterable[str]) -> dict[str, np.ndarray]:
        """For each concept wanted 1 at residues with it, 0 without, -1 where it is not known.

        Returns
        -------
        dict of str to ndarray
            int8, shape (n_residues,).
        """
        column = {concept.name: n for n, concept in enumerate(self.table.concepts)}
        labels, known = self.table.labels([accession]).tocsc(), self.table.known([accession])
        found = {}
        for name in wanted:
            own = labels[:, [column[name]]].toarray().ravel().astype(np.int8)
            is_known = known[:, self.table.known_column[column[name]]]
            found[name] = np.where(is_known, own, np.int8(-1))
        return found


def read_feature_concepts(
    features: str | None,
    annotations: str | None,
    settings: ConceptSettings,
    study: Study,
    cache: LayerCache,
    saes: Mapping[str, str],
) -> FeatureConcepts | None:
    """Read the layer's table of features and the annotations that it was made with.

    Parameters
    ----------
    features, annotations : str or None
        features.parquet of `annotate` and annotations.parquet; None without both.
    saes : mapping of str to str
        Names and checksums of the SAEs whose features are looked up.

    Raises
    ------
    UserError
        If one is given alone, they do not belong together, the table is of another layer or of
        other SAEs, or it names a concept that the settings do not give.
    """
    if features is None and annotations is None:
        return None
    if features is None or annotations is None:
        alone, other = "--features", "--annotations"
        alone, other = (alone, other) if annotations is None else (other, alone)
        raise UserError(f"{alone} is given without {other}; give both, or neither")
    stamp = validate_table(features, LAYER_FEATURES)
    validate_same_study({features: stamp}, study.stamp(annotations))
    expected = {**vars(cache.source), "layer": cache.layer}
    validate_same_layer(features, stamp, "the activations", expected)
    validate_annotated(features, stamp, saes)
    table = read_table(features, LAYER_FEATURES)
    names: dict[str, list[str | None]] = {}
    for variant in saes:
        own = table[table["variant"] == variant].sort_values("feature")["concept"]
        names[variant] = [name if isinstance(name, str) else None for name in own]
    concepts = read_concepts(annotations, study.proteins, study.protein_set, settings)
    known = {concept.name for concept in concepts.concepts}
    missing = {name for of_sae in names.values() for name in of_sae if name} - known
    if missing:
        raise UserError(
            f"{features}: names the concept {min(missing)!r}, which the settings of concepts do "
            "not give; use those that annotate was run with"
        )
    return FeatureConcepts(names, concepts)
