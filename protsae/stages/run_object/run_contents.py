"""What a results folder holds: tables, SAEs, and their activations of any protein."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

import pandas as pd

from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.inspection.feature_activations import FeatureActivations, Pool
from protsae.inspection.feature_name import FeatureName, parse_feature_name
from protsae.inspection.feature_search import found_features
from protsae.inspection.run_feature import RunFeature, read_feature
from protsae.inspection.run_protein import ProteinActivations, RunProtein
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.saes.sae_files import read_sae
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.bound_tables import read_bound_table
from protsae.io.table_files.parquet import read_table
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.run.layout import NEIGHBOUR_FOLDER, model_layers, model_name, shard_names
from protsae.run.run_places import place, sae_place
from protsae.sae.architectures import restore_sae
from protsae.sae.autoencoder import Sae
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.neighbours.match_tables import ABSORPTION, MATCHES
from protsae.schema.neighbours.neighbour_tables import COMMUNITIES, MAP, NEIGHBOURS
from protsae.schema.pair_tables import ASSOCIATIONS
from protsae.schema.reference_tables import REFERENCES, RULES
from protsae.schema.sparse_probe_table import SPARSE_PROBES
from protsae.schema.table import Table


@dataclass(frozen=True)
class RunContents:
    """What a run holds; everything is read when it is first asked for, and checked then.

    Attributes
    ----------
    results : Path
        The folder.
    config : Config
        The settings it was made with: ``results/config.yaml``.
    """

    results: Path
    config: Config

    @property
    def model(self) -> str:
        """Name of the model whose layers were studied, as in the tables."""
        return model_name(self.config)

    @property
    def layers(self) -> list[tuple[str, int]]:
        """Every model and layer that has SAEs: one-hot sequences and permuted models, too."""
        return [(model, int(layer)) for model, layer in model_layers(self.config)]

    @property
    def variants(self) -> list[str]:
        """Names of the SAEs of each layer."""
        return list(self.config.train)

    @cached_property
    def proteins(self) -> pd.DataFrame:
        """Proteins with sequence, homology cluster and split (table ``proteins``)."""
        return self._proteins[0]

    @cached_property
    def features(self) -> pd.DataFrame:
        """What each feature detects: one row per feature (table ``features``)."""
        return read_bound_table(self.results, FEATURES)

    @cached_property
    def best_features(self) -> pd.DataFrame:
        """The best feature of each concept: one row per concept (table ``best_features``)."""
        return read_bound_table(self.results, BEST_FEATURES)

    @cached_property
    def associations(self) -> pd.DataFrame:
        """All pairs of a detector and a concept that were kept (table ``associations``)."""
        return read_bound_table(self.results, ASSOCIATIONS)

    @cached_property
    def references(self) -> pd.DataFrame:
        """Scores of the window and homology references (table ``references``)."""
        return read_table(self.results / "references.parquet", REFERENCES)

    @cached_property
    def rules(self) -> pd.DataFrame:
        """The best rule on the sequence for each concept (table ``rules``)."""
        return read_table(self.results / "rules.parquet", RULES)

    @cached_property
    def sparse_probes(self) -> pd.DataFrame:
        """Probes of concepts on a few detectors (table ``sparse_probes``)."""
        return read_table(self.results / "sparse_probes.parquet", SPARSE_PROBES)

    @cached_property
    def neighbours(self) -> pd.DataFrame:
        """The nearest features of each (table ``neighbours``)."""
        return self._related(NEIGHBOURS)

    @cached_property
    def feature_map(self) -> pd.DataFrame:
        """Community of each feature, and its place on a map (table ``map``)."""
        return self._related(MAP)

    @cached_property
    def communities(self) -> pd.DataFrame:
        """What communities of features are about (table ``communities``)."""
        return self._related(COMMUNITIES)

    @cached_property
    def matches(self) -> pd.DataFrame:
        """What becomes of features in the next layer, and in other SAEs (table ``matches``)."""
        return self._related(MATCHES)

    @cached_property
    def absorption(self) -> pd.DataFrame:
        """Where features of narrower concepts stand in for others (table ``absorption``)."""
        return self._related(ABSORPTION)

    def _related(self, table: Table) -> pd.DataFrame:
        return read_table(self.results / NEIGHBOUR_FOLDER / f"{table.name}.parquet", table)

    def sae(self, layer: int, variant: str, model: str | None = None) -> Sae:
        """An SAE, in evaluation mode, for activations as the run stores them.

        Parameters
        ----------
        layer : int
        variant : str
            One of `variants`.
        model : str, optional
            Default: `model`.

        Returns
        -------
        Sae
            ``encode``: tensors (n_residues, d_model) to (n_residues, n_features), none negative;
            ``decode`` back again. Centring and scale are in its weights.

        Raises
        ------
        UserError
            If the run has no such SAE, or its files are not those that were written.
        """
        weights, source = read_sae(self._sae_folder(layer, variant, model))
        return restore_sae(source.architecture, source.k, weights)

    def activations(self, layer: int, variant: str, model: str | None = None) -> FeatureActivations:
        """Activations of an SAE's features at every residue of every protein.

        Parameters are those of `sae`.

        Raises
        ------
        UserError
            If the run has no such SAE, or the stored activations are of other weights or proteins.
        """
        folder = self._sae_folder(layer, variant, model)
        shards = [f"shard-{shard}.h5" for shard in shard_names(self.config)]
        paths = [self.results / "codes" / place(model or self.model, layer) / s for s in shards]
        stored = StoredCodes(paths, variant, sae_sha256(folder), self._proteins[1])
        return FeatureActivations(stored)

    def matrix(
        self, layer: int, variant: str, pool: Pool = "max", model: str | None = None
    ) -> pd.DataFrame:
        """One number per protein and feature of an SAE, for any method that takes a matrix.

        Parameters
        ----------
        layer, variant, model
            As of `sae`.
        pool : {"max", "mean", "share"}
            The largest activation in the protein, the mean over its residues, or the share of its
            residues at which the feature is active.

        Returns
        -------
        DataFrame
            float32, shape (n_proteins, n_features); the index is the accession, in the order of
            `proteins`, columns are features.

        Raises
        ------
        UserError
            As `activations`, and if there is no such ``pool``.

        Examples
        --------
        >>> matrix = read_run("results").matrix(6, "topk", pool="mean")  # doctest: +SKIP
        >>> matrix.loc["P00321", 246]  # doctest: +SKIP
        """
        return self.activations(layer, variant, model).pooled(pool)

    def find(self, words: str) -> pd.DataFrame:
        """Features of `model` that detect a concept with all the words, or whose label has them.

        Parameters
        ----------
        words : str
            Such as ``"signal peptide"``. A word may be the beginning of one.

        Returns
        -------
        DataFrame
            Rows of `features`: those called for such a concept first, by F1 on valid. Frozen SAEs
            are left out. ``asked_concept`` is the concept with the words, ``asked_f1`` and so on
            are the pair's. The feature's best concept on valid, ``concept``, may be another.
        """
        return found_features(self.features, self.associations, self.model, words)

    @overload
    def feature(self, layer: str) -> RunFeature: ...

    @overload
    def feature(
        self, layer: int, variant: str, feature: int, model: str | None = None
    ) -> RunFeature: ...

    def feature(
        self,
        layer: int | str,
        variant: str | None = None,
        feature: int | None = None,
        model: str | None = None,
    ) -> RunFeature:
        """All that the run knows of one feature; ``print`` shows it as ``protsae show`` does.

        Parameters
        ----------
        layer, variant, model
            As of `sae`; or, alone, the feature's name, such as ``"6/topk/246"``.
        feature : int
            Index of the feature, from 0.

        Raises
        ------
        UserError
            If the run has no such feature, or its tables do not belong together.

        Examples
        --------
        >>> print(read_run("results").feature("6/topk/246"))  # doctest: +SKIP
        """
        if variant is None or feature is None:
            named = parse_feature_name(str(layer), self.results, self.config)
            return read_feature(self.results, named)
        sae_place(self.results, self.config, int(layer), variant, model)
        name = FeatureName(model or self.model, int(layer), variant, int(feature))
        return read_feature(self.results, name)

    def protein(self, accession: str) -> RunProtein:
        """One protein of the run: its annotations, and what is active in it.

        All SAEs of `model` are in it but those that are frozen, which are baselines. Activations
        are read from the disk when they are asked for.

        Parameters
        ----------
        accession : str
            As in `proteins`.

        Raises
        ------
        UserError
            If the run has no such protein.

        Examples
        --------
        >>> read_run("results").protein("P00321").strongest().head()  # doctest: +SKIP
        """
        own = self.proteins[self.proteins["accession"] == accession]
        if own.empty:
            raise UserError(
                f"{self.results}: no protein {accession!r} among its {len(self.proteins):,}; for "
                "another, give its sequence"
            )
        features = self.features[self.features["model"] == self.model]
        places = [(n, v) for m, n in self.layers if m == self.model for v in self._subjects]
        activations = ProteinActivations(places, lambda n, v: self.activations(n, v)[accession])
        annotations = self._annotations[self._annotations["accession"] == accession]
        return RunProtein(own.iloc[0], annotations.reset_index(drop=True), activations, features)

    @property
    def _subjects(self) -> list[str]:
        """SAEs that are not frozen; all if all are."""
        return self.config.learned_saes or self.variants

    @cached_property
    def _annotations(self) -> pd.DataFrame:
        path = self.results / "proteins" / "annotations.parquet"
        return read_annotations_table(path, self._proteins[1])

    @cached_property
    def _proteins(self) -> tuple[pd.DataFrame, str]:
        return read_split_proteins(self.results / "proteins" / "proteins.parquet")

    def _sae_folder(self, layer: int, variant: str, model: str | None) -> Path:
        own = sae_place(self.results, self.config, layer, variant, model)
        return self.results / "sae" / own / variant
