"""A run as one object: its contents, and its model run with its SAEs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd

from protsae.concepts.concept_table import ConceptTable
from protsae.inspection.feature_name import FeatureName
from protsae.interventions.circuits.find_circuit import Search
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.protein_probes.target import GivenLabels
from protsae.run.layout import shard_names
from protsae.run.run_places import read_run_config, sae_place
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
from protsae.stages.exporting.run_exports import RunExports
from protsae.stages.intervening.intervened_proteins import intervene_sequences
from protsae.stages.intervening.open_edits import OpenedRun, open_edits, open_sae
from protsae.stages.intervening.opened_edits import OpenedEdits
from protsae.stages.protein_probing.given_labels import table_labels
from protsae.stages.protein_probing.pooled_inputs import find_homologues, pool_inputs
from protsae.stages.protein_probing.probed_labels import ProbedLabels, probe_labels, sae_features
from protsae.stages.run_object.run_contents import RunContents
from protsae.stages.tracing.open_tracing import open_tracing
from protsae.stages.tracing.opened_tracing import Tracing
from protsae.stages.tracing.trace_circuit import concept_circuit, site_circuit
from protsae.stages.tracing.traced_sites import TracedSite


@dataclass(frozen=True)
class Run(RunContents):
    """A run of protsae: its contents, what is active in other proteins, and what features do.

    Attributes
    ----------
    results, config
        As of `RunContents`.
    """

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
            self.results,
            self.config,
            folders,
            self.features,
            self.best_features,
            model,
            threads,
            rates,
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
        cache = self._layer_cache(layer, model)
        return pool_layer(self.proteins, cache, codes, sae.W_dec.detach().cpu().numpy())

    def probe_proteins(
        self,
        labels: str | Path | pd.DataFrame | GivenLabels,
        layer: int | None = None,
        variant: str | None = None,
        model: str | None = None,
        threads: int = 1,
        **settings: Any,
    ) -> ProbedLabels:
        """Tell labels of whole proteins from pooled features, beside what is simpler.

        Parameters
        ----------
        labels : str, Path, DataFrame or GivenLabels
            A tab-separated file or a table: a column (or index) accession, and a column for each
            label, of yes and no, classes or numbers; empty or NA where it is unknown. Or what
            `table_labels`, `uniprot_labels` or `concept_labels` give.
        layer, variant, model
            As of `sae`; by default the last layer and the first SAE that is not frozen.
        threads : int
            Of MMseqs2; they do not change the result.
        settings
            ``n_folds``, ``n_inner``, ``n_resamplings`` and ``seed`` of `protsae.probe_proteins`.

        Returns
        -------
        ProbedLabels
            Its ``scores``, ``ranked`` and ``held_out`` are tables.

        Raises
        ------
        UserError
            If there is no such SAE, or no label that enough homology clusters have.
        """
        layer = max(n for name, n in self.layers if name == self.model) if layer is None else layer
        variant, name = variant or self._subjects[0], model or self.model
        accessions = self.proteins["accession"].tolist()
        given = labels if isinstance(labels, GivenLabels) else table_labels(labels, accessions)
        codes, cache = self.activations(layer, variant, model), self._layer_cache(layer, model)
        inputs = pool_inputs(self.proteins, codes, cache)
        homologues = find_homologues(self.proteins, self.config.references.evalue, threads)
        features = sae_features(self.features, name, layer, variant)
        return probe_labels(given, inputs, self.proteins, homologues, features, **settings)

    def _layer_cache(self, layer: int, model: str | None) -> LayerCache:
        names = [f"shard-{shard}.h5" for shard in shard_names(self.config)]
        folder = self.results / "activations" / (model or self.model)
        return LayerCache([folder / name for name in names], layer, self._proteins[1])

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

    @cached_property
    def concepts(self) -> ConceptTable:
        """Concepts that the run could score, with the labels of its residues."""
        return OpenedRun(self.results, self.config).concepts

    @property
    def export(self) -> RunExports:
        """Features of the run in the files of other programs, one method for each."""
        return RunExports(self, self.explainer)

    @cached_property
    def _explainer(self) -> Explainer:
        return self.explainer()


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
