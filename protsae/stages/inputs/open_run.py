"""A results folder as one object: its tables, its SAEs, and their activations of any protein."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd

from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.inspection.feature_activations import FeatureActivations, Pool
from protsae.inspection.feature_name import FeatureName
from protsae.inspection.run_feature import RunFeature, read_feature
from protsae.inspection.run_protein import ProteinActivations, RunProtein
from protsae.interventions.circuits.find_circuit import Search
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.saes.sae_files import read_sae
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.parquet import read_table
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.run.layout import model_layers, model_name, shard_names
from protsae.run.run_places import place, read_run_config, sae_place
from protsae.sae.architectures import restore_sae
from protsae.sae.autoencoder import Sae
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.pair_tables import ASSOCIATIONS
from protsae.schema.reference_tables import REFERENCES, RULES
from protsae.stages.attributing.attribute_outputs import Attributed, attribute_outputs
from protsae.stages.attributing.concept_probe import fit_concept_probe
from protsae.stages.attributing.open_attribution import open_attribution
from protsae.stages.attributing.opened_attribution import ConceptProbe, OpenedAttribution
from protsae.stages.deconfounding.deconfound_run import (
    Deconfounded,
    PooledLayer,
    deconfounded,
    pool_layer,
    protein_label,
)
from protsae.stages.deconfounding.protein_labels import ProteinLabel
from protsae.stages.explaining.explain_sequences import ExplainedTable, explain_sequences
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.given_proteins import ALONE, checked_sequence
from protsae.stages.explaining.open_explainer import open_explainer
from protsae.stages.intervening.intervened_proteins import intervene_sequences
from protsae.stages.intervening.open_edits import OpenedRun, open_edits, open_sae
from protsae.stages.intervening.opened_edits import OpenedEdits
from protsae.stages.tracing.open_tracing import open_tracing
from protsae.stages.tracing.opened_tracing import Tracing
from protsae.stages.tracing.trace_circuit import concept_circuit, site_circuit
from protsae.stages.tracing.traced_sites import TracedSite


@dataclass(frozen=True)
class Run:
    """A run of protsae; everything is read when it is first asked for, and checked then.

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
        return read_table(self.results / "features.parquet", FEATURES)

    @cached_property
    def associations(self) -> pd.DataFrame:
        """All pairs of a detector and a concept that were kept (table ``associations``)."""
        return read_table(self.results / "associations.parquet", ASSOCIATIONS)

    @cached_property
    def references(self) -> pd.DataFrame:
        """Scores of the window and homology references (table ``references``)."""
        return read_table(self.results / "references.parquet", REFERENCES)

    @cached_property
    def rules(self) -> pd.DataFrame:
        """The best rule on the sequence for each concept (table ``rules``)."""
        return read_table(self.results / "rules.parquet", RULES)

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

    def feature(
        self, layer: int, variant: str, feature: int, model: str | None = None
    ) -> RunFeature:
        """All that the run knows of one feature; ``print`` shows it as ``protsae show`` does.

        Parameters
        ----------
        layer, variant, model
            As of `sae`.
        feature : int
            Index of the feature, from 0.

        Raises
        ------
        UserError
            If the run has no such feature, or its tables do not belong together.

        Examples
        --------
        >>> print(read_run("results").feature(6, "topk", 246))  # doctest: +SKIP
        """
        sae_place(self.results, self.config, layer, variant, model)
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
                "any other, explain its sequence"
            )
        features = self.features[self.features["model"] == self.model]
        places = [(n, v) for m, n in self.layers if m == self.model for v in self._subjects]
        activations = ProteinActivations(places, lambda n, v: self.activations(n, v)[accession])
        annotations = self._annotations[self._annotations["accession"] == accession]
        return RunProtein(own.iloc[0], annotations.reset_index(drop=True), activations, features)

    def explain(
        self, sequences: str | Mapping[str, str], table: ExplainedTable = "segments"
    ) -> pd.DataFrame:
        """Where the features of all SAEs of `model` are active in proteins, and what they detect.

        The proteins need no annotations and may be any. The model and the SAEs are opened at the
        first call and kept. F1 and precision are those on the test set of the run; probabilities
        hold at ``assumed_base_rate``.

        Parameters
        ----------
        sequences : str or mapping of str to str
            A sequence, or sequences by name, of letters; J is read as X.
        table : {"segments", "predictions", "residues"}
            Active segments of all features; or concepts that are predicted, by segment or residue.

        Returns
        -------
        DataFrame
            That table (docs/tables.md), protein by protein. The name of a sequence by itself is
            ``sequence``.

        Raises
        ------
        UserError
            If a sequence is empty or has another character, and as `explainer` does.
        """
        return explain_sequences(self._explainer, sequences, table)

    def explainer(
        self,
        model: str | None = None,
        layers: Sequence[int] | None = None,
        saes: Sequence[str] | None = None,
        threads: int = 1,
        rates: Mapping[str, float] | None = None,
    ) -> Explainer:
        """The model and SAEs of the run, opened for proteins: a function of name and sequence.

        Parameters
        ----------
        model : str, optional
            Path or name of the ESM-2, if it is no longer where the configuration says.
        layers : sequence of int, optional
            Default: all of `model`. One-hot sequences and permuted models are left out.
        saes : sequence of str, optional
            Default: all `variants` but those that are frozen, which are baselines.
        threads : int
            CPU threads.
        rates : mapping of str to float, optional
            Base rates of concepts, that go before the reference rates of the run.

        Raises
        ------
        UserError
            If the run is not finished or has no such layer or SAE, its parts do not belong
            together, or the model is another.
        """
        own = [layer for name, layer in self.layers if name == self.model]
        folders = {
            (layer, variant): self._sae_folder(layer, variant, None)
            for layer in dict.fromkeys(layers or own)
            for variant in dict.fromkeys(saes or self._subjects)
        }
        return open_explainer(
            self.results, self.config, folders, self.features, model, threads, rates
        )

    def intervene(
        self,
        sequences: str | Mapping[str, str],
        edits: str | Sequence[str],
        is_masked: bool = True,
    ) -> pd.DataFrame:
        """What the model predicts at each residue, as it is and with features changed.

        Parameters
        ----------
        sequences : str or mapping of str to str
            A sequence, or sequences by name, of letters.
        edits : str or sequence of str
            As `protsae intervene` takes them, such as ``"6/topk/246:clamp=2q0.9@10-20,35"``.
        is_masked : bool
            Whether each residue is masked when it is predicted.

        Returns
        -------
        DataFrame
            The table ``edited`` (docs/tables.md).

        Raises
        ------
        UserError
            If a sequence is empty or has another character, and as `edits` does.
        """
        return intervene_sequences(self.edits(edits), sequences, is_masked)

    def edits(
        self, edits: str | Sequence[str], model: str | None = None, threads: int = 1
    ) -> OpenedEdits:
        """The model and the SAEs that edits name, opened for proteins.

        Parameters
        ----------
        edits
            As of `intervene`.
        model : str, optional
            Path or name of the ESM-2, if it is no longer where the configuration says.
        threads : int
            CPU threads.

        Raises
        ------
        UserError
            If an edit cannot be read, the run has no such feature, or its parts do not belong
            together.
        """
        texts = [edits] if isinstance(edits, str) else edits
        return open_edits(self.results, self.config, texts, model, threads)

    def attribute(
        self,
        sequence: str,
        of: str | Sequence[str],
        sae: str | None = None,
        layers: Sequence[int] | None = None,
        probe_layer: int | None = None,
    ) -> Attributed:
        """What a number that the model computes for a residue comes from, layer by layer.

        Parameters
        ----------
        sequence : str
            Letters of a protein.
        of : str or sequence of str
            As `protsae attribute` takes it: ``"45"``, ``"A45V"``, ``"SIGNAL@45"``.
        sae : str, optional
            One of `variants`; by default the first that is not frozen.
        layers : sequence of int, optional
            Default: all of `model`.
        probe_layer : int, optional
            Layer that probes of concepts read; by default the last of ``layers``.

        Returns
        -------
        Attributed
            ``nodes`` and ``checks``, the tables ``attributions`` and ``attribution_checks``.

        Raises
        ------
        UserError
            If an output cannot be read or is none of the protein, and as `attribution` does.
        """
        texts = [of] if isinstance(of, str) else of
        clean = checked_sequence(sequence, ALONE)
        return attribute_outputs(self.attribution(sae, layers), ALONE, clean, texts, probe_layer)

    def attribution(
        self,
        sae: str | None = None,
        layers: Sequence[int] | None = None,
        model: str | None = None,
        threads: int = 1,
    ) -> OpenedAttribution:
        """The model and an SAE of each layer, opened for `attribute`.

        Parameters
        ----------
        sae, layers
            As of `attribute`.
        model : str, optional
            Path or name of the ESM-2, if it is no longer where the configuration says.
        threads : int
            CPU threads.

        Raises
        ------
        UserError
            If the run has no such layer or SAE, or its parts do not belong together.
        """
        own = [layer for name, layer in self.layers if name == self.model]
        variant, run = sae or self._subjects[0], OpenedRun(self.results, self.config)
        stored = {}
        for layer in dict.fromkeys(layers or own):
            self._sae_folder(layer, variant, None)
            stored[layer] = open_sae(run, FeatureName(self.model, layer, variant, 0))

        def fit(layer: int, concept: str) -> ConceptProbe:
            sae_place(self.results, self.config, layer, variant)
            where = self.results, self.config, run.study, run.concepts
            return fit_concept_probe(*where, layer, concept)

        of_saes = stored, variant, self.features, layers is None, fit
        return open_attribution(self.results, self.config, *of_saes, model, threads)

    def remove_confounder(
        self,
        layer: int,
        variant: str,
        label: str,
        confounder: str,
        table: str | Path | None = None,
        model: str | None = None,
        **settings: Any,
    ) -> Deconfounded:
        """Take a confounder out of a probe of proteins by ablating features, beside controls.

        Parameters
        ----------
        layer, variant, model
            As of `sae`.
        label, confounder : str
            What the probe is to tell and what it is not to use: ``length`` (above the median),
            ``composition`` (its first principal component above the median), ``taxon=ID``, a column
            of ``table``, or a concept (at any residue of the protein).
        table : str or Path, optional
            Tab-separated: a column accession, others of 0 and 1.
        settings
            ``counts``, ``draws``, ``resamplings`` and ``seed`` of `protsae.remove_confounder`.

        Returns
        -------
        Deconfounded
            ``found.table`` has the scores of all arms, ``found.features`` what was removed.

        Raises
        ------
        UserError
            If there is no such SAE or label, or a combination of the two is missing in a split.
        """
        sides = [self.protein_label(text, table) for text in (label, confounder)]
        pooled = self.pooled_layer(layer, variant, model)
        return deconfounded(self.proteins, pooled, *sides, **settings)

    def pooled_layer(self, layer: int, variant: str, model: str | None = None) -> PooledLayer:
        """Mean layer activations and mean activations of features of every protein.

        Parameters and errors are those of `activations`.
        """
        codes, sae = self.activations(layer, variant, model), self.sae(layer, variant, model)
        names = [f"shard-{shard}.h5" for shard in shard_names(self.config)]
        folder = self.results / "activations" / (model or self.model)
        cache = LayerCache([folder / name for name in names], layer, self._proteins[1])
        return pool_layer(self.proteins, cache, codes, sae.W_dec.detach().cpu().numpy())

    def protein_label(self, text: str, table: str | Path | None = None) -> ProteinLabel:
        """A yes/no label of every protein, as `remove_confounder` takes it."""
        run = OpenedRun(self.results, self.config)
        return protein_label(text, self.proteins, lambda: run.concepts, table)

    def circuit(
        self,
        sequence: str,
        position: int,
        variant: str,
        layers: Sequence[int] | None = None,
        to: str | None = None,
        is_masked: bool = True,
        search: Search | None = None,
    ) -> nx.MultiDiGraph:
        """Which features of successive layers make a prediction, as a graph.

        Parameters
        ----------
        sequence : str
        position : int
            Of the residue that is predicted, from 1.
        variant : str
            SAEs of the run, one of `variants`.
        layers : sequence of int, optional
            All layers of `model` by default.
        to : str, optional
            The output is log p(to) - log p(residue) if it is given, else log p(residue).
        is_masked : bool
            Whether the residue is masked.
        search : Search, optional
            Share that the graph keeps, most nodes, and so on.

        Returns
        -------
        networkx.MultiDiGraph
            As circuit.json (docs/tables.md).

        Raises
        ------
        UserError
            If there is no such residue or letter, features hardly change the output, and as
            `tracing`.
        """
        clean = checked_sequence(sequence, ALONE)
        site = TracedSite(ALONE, clean, position, to, is_masked)
        return site_circuit(self.tracing(variant, layers), site, search or Search())

    def concept_circuit(
        self,
        concept: str,
        variant: str,
        layers: Sequence[int] | None = None,
        n_sites: int = 20,
        is_masked: bool = True,
        search: Search | None = None,
    ) -> nx.MultiDiGraph:
        """The same for residues of a concept in test proteins, one of a homology cluster.

        The graph is found at half of the sites and judged at the others. Parameters and errors
        are those of `circuit`.
        """
        tracing = self.tracing(variant, layers)
        return concept_circuit(tracing, concept, n_sites, search or Search(), is_masked)

    def tracing(
        self,
        variant: str,
        layers: Sequence[int] | None = None,
        model: str | None = None,
        threads: int = 1,
    ) -> Tracing:
        """The model and SAEs of some layers, opened for circuits.

        Parameters
        ----------
        variant, layers
            As of `circuit`.
        model : str, optional
            Path or name of the ESM-2, if it is no longer where the configuration says.
        threads : int
            CPU threads.

        Raises
        ------
        UserError
            If the run has no such layers or SAE, or its parts do not belong together.
        """
        run = OpenedRun(self.results, self.config)
        return open_tracing(run, variant, layers, model, threads)

    @property
    def _subjects(self) -> list[str]:
        """SAEs that are not frozen; all if all are."""
        names = [name for name, sae in self.config.train.items() if sae.freeze == "none"]
        return names or self.variants

    @cached_property
    def _annotations(self) -> pd.DataFrame:
        path = self.results / "proteins" / "annotations.parquet"
        return read_annotations_table(path, self._proteins[1])

    @cached_property
    def _explainer(self) -> Explainer:
        return self.explainer()

    @cached_property
    def _proteins(self) -> tuple[pd.DataFrame, str]:
        return read_split_proteins(self.results / "proteins" / "proteins.parquet")

    def _sae_folder(self, layer: int, variant: str, model: str | None) -> Path:
        own = sae_place(self.results, self.config, layer, variant, model)
        return self.results / "sae" / own / variant


def read_run(results: str | Path) -> Run:
    """Open the results folder of a run.

    Parameters
    ----------
    results : str or Path
        The folder that the workflow wrote, ``results`` unless the configuration says otherwise.

    Returns
    -------
    Run
        Nothing is loaded before it is used.

    Raises
    ------
    UserError
        If it is no results folder, or its configuration is of another release.

    Examples
    --------
    >>> run = read_run("results")  # doctest: +SKIP
    >>> run.features.query("concept == 'SIGNAL'")  # doctest: +SKIP
    >>> run.sae(layer=6, variant="topk").n_features  # doctest: +SKIP
    512
    >>> run.activations(layer=6, variant="topk")["P00321"].shape  # doctest: +SKIP
    (137, 512)
    """
    results = Path(results)
    return Run(results, read_run_config(results))
