"""What a finished run has that its features are related by."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from protsae.concepts.concept_table import ConceptTable
from protsae.config.reserved_names import ONEHOT
from protsae.config.settings import Config
from protsae.inspection.feature_activations import FeatureActivations
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.saes.sae_files import read_sae
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.parquet import read_table, validate_table
from protsae.run.layout import model_layers, model_name, shard_names
from protsae.run.run_places import place, read_run_config
from protsae.run.same_study import validate_annotated, validate_same_study
from protsae.schema.table import Table
from protsae.stages.inputs.concept_inputs import read_concepts
from protsae.stages.inputs.studied_proteins import Study, read_study
from protsae.stages.neighbouring.related_sae import RelatedSae, Side


@dataclass(frozen=True)
class RelatedRun:
    """A results folder and its settings; its parts are read when they are asked for.

    Not a `Run`, which imports everything that can be done with a run: the rule would run again
    whenever any of that changed.

    Attributes
    ----------
    results : Path
    config : Config
    """

    results: Path
    config: Config

    @classmethod
    def open(cls, results: str | Path) -> "RelatedRun":
        """Read the settings of a run.

        Raises
        ------
        UserError
            If it is no results folder.
        """
        return cls(Path(results), read_run_config(results))

    @property
    def model(self) -> str:
        """Name of the model that was studied."""
        return model_name(self.config)

    @property
    def layers(self) -> list[tuple[str, int]]:
        """Models and layers in the order of the tables: one-hot sequences first."""
        found = [(model, int(layer)) for model, layer in model_layers(self.config)]
        return sorted(found, key=lambda layer: (layer[0] != ONEHOT, *layer))

    @cached_property
    def study(self) -> Study:
        """Proteins and splits."""
        return read_study(self.results / "proteins" / "proteins.parquet")

    @property
    def annotations(self) -> Path:
        """annotations.parquet."""
        return self.results / "proteins" / "annotations.parquet"

    @cached_property
    def concepts(self) -> ConceptTable:
        """The concepts that are scored, with the labels of all residues."""
        study = self.study
        of_study = study.proteins, study.protein_set, self.config.concepts
        return read_concepts(self.annotations, *of_study)

    def annotated(self, model: str, layer: int, table: Table) -> pd.DataFrame:
        """A table that annotate wrote of a layer.

        Not the tables of the whole run, which wait for effects: this stage can run beside them.

        Raises
        ------
        UserError
            If it is missing or damaged, or of other proteins or SAEs.
        """
        path = self.results / "annotation" / place(model, layer) / f"{table.name}.parquet"
        stamp = validate_table(path, table)
        validate_same_study({str(path): stamp}, self.study.stamp(self.annotations))
        own = {name: sae_sha256(self.sae_folder(model, layer, name)) for name in self.config.train}
        validate_annotated(str(path), stamp, own)
        return read_table(path, table)

    def sae_folder(self, model: str, layer: int, variant: str) -> Path:
        """Where an SAE lies."""
        return self.results / "sae" / place(model, layer) / variant

    def activations(self, model: str, layer: int, variant: str) -> FeatureActivations:
        """Activations of an SAE's features.

        Raises
        ------
        UserError
            If they are missing, or of other weights or proteins.
        """
        names = [f"shard-{shard}.h5" for shard in shard_names(self.config)]
        paths = [self.results / "codes" / place(model, layer) / name for name in names]
        digest = sae_sha256(self.sae_folder(model, layer, variant))
        return FeatureActivations(StoredCodes(paths, variant, digest, self.study.protein_set))

    def sae(self, model: str, layer: int, variant: str, chosen: Side, test: Side) -> RelatedSae:
        """An SAE's decoder, and its codes on either side.

        Raises
        ------
        UserError
            If its files are missing or damaged, and as `activations`.
        """
        weights, _ = read_sae(self.sae_folder(model, layer, variant))
        decoder = weights["W_dec"].detach().float().cpu().numpy()
        activations = self.activations(model, layer, variant)
        codes = (side.codes(activations) for side in (chosen, test))
        return RelatedSae(model, layer, variant, decoder, *codes)
