"""All that `protsae annotate` reads of a layer, opened and checked against each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protsae import __version__
from protsae.association.pairs.layer_data import Layer
from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import AnnotateSettings, ConceptSettings
from protsae.detectors.activations import Encoded
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.saes.sae_files import SaeSource
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.base_rate_files import read_base_rates
from protsae.references.interplm_concepts import InterplmConcepts, interplm_concepts
from protsae.sae.autoencoder import Sae
from protsae.stages.inputs.concept_inputs import read_concepts
from protsae.stages.inputs.mlp_neurons import open_neurons
from protsae.stages.inputs.open_saes import StoredSae, open_codes, open_saes
from protsae.stages.inputs.studied_proteins import Study, read_study


@dataclass(frozen=True)
class LayerFiles:
    """Paths of what a layer is annotated from.

    Attributes
    ----------
    saes, codes, activations : sequence of str
        Folders of the layer's SAEs, all shards of their codes, and all shards of the model.
    proteins, annotations : str or Path
        proteins.parquet and annotations.parquet.
    mlp_inputs : sequence of str
        All shards of what the model's MLPs read; none, and the layer's neurons are left out.
    model : str, optional
        Path or name of the ESM-2, of which the neurons need weights.
    """

    saes: Sequence[str]
    codes: Sequence[str]
    activations: Sequence[str]
    proteins: str | Path
    annotations: str | Path
    mlp_inputs: Sequence[str] = ()
    model: str | None = None


@dataclass(frozen=True)
class LayerInputs:
    """A layer, its SAEs and their codes.

    Attributes
    ----------
    files : LayerFiles
    study : Study
    cache : LayerCache
        Activations of the layer.
    stored : mapping of str to StoredSae
        SAEs by name, with what they say of themselves.
    codes : mapping of str to StoredCodes
        Of the same SAEs.
    layer : Layer
        Proteins, concepts, settings and reference rates.
    concepts : ConceptTable
        Those of ``layer``.
    interplm : InterplmConcepts or None
        Concepts as InterPLM's parser takes them, if the settings ask for its score.
    mlp : Encoded or None
        The neurons of the layer's MLP, if what it reads was given.
    """

    files: LayerFiles
    study: Study
    cache: LayerCache
    stored: Mapping[str, StoredSae]
    codes: Mapping[str, StoredCodes]
    layer: Layer
    concepts: ConceptTable
    interplm: InterplmConcepts | None
    mlp: Encoded | None = None

    @property
    def saes(self) -> dict[str, Sae]:
        """The SAEs by name."""
        return {name: trained.sae for name, trained in self.stored.items()}

    @property
    def sources(self) -> dict[str, SaeSource]:
        """What each SAE was trained on, from its protsae.json; by variant."""
        return {name: trained.source for name, trained in self.stored.items()}

    @property
    def frozen(self) -> set[str]:
        """Names of the SAEs with a frozen part."""
        return {name for name, source in self.sources.items() if source.freeze != "none"}

    def stamp(self) -> dict[str, Any]:
        """Metadata for the tables of the layer: the inputs that they were made from."""
        return {
            "stage": "annotate",
            **vars(self.cache.source),
            **self.study.stamp(self.files.annotations),
            "layer": self.cache.layer,
            "saes": {name: trained.sha256 for name, trained in self.stored.items()},
            "code_version": __version__,
        }


def open_layer(
    files: LayerFiles,
    settings: AnnotateSettings,
    chosen: ConceptSettings,
    tell: Callable[[str], None] = lambda line: None,
) -> LayerInputs:
    """Open the SAEs of a layer with their codes, activations, proteins and concepts.

    Parameters
    ----------
    chosen : ConceptSettings
        Which concepts are scored.
    tell : function of str, optional
        Told how many proteins of each label file are used, and why the others are not.

    Raises
    ------
    UserError
        If a file is missing or damaged, two of them are of other proteins, splits, activations or
        SAEs, or no concept occurs often enough.
    """
    study = read_study(files.proteins)
    cache, stored = open_saes(
        files.saes, files.activations, study.protein_set, study.names("train")
    )
    cache.index.validate_order(study.order, "--activations")
    codes = open_codes(files.codes, stored, cache, study.order)
    concepts = read_concepts(files.annotations, study.proteins, study.protein_set, chosen, tell)
    rates = read_base_rates(settings.reference_rates) if settings.reference_rates else {}
    layer = Layer(study.proteins, concepts, settings, rates)
    interplm = None
    if settings.interplm:
        annotations = read_annotations_table(files.annotations, study.protein_set)
        interplm = interplm_concepts(annotations, study.order)
    mlp = open_neurons(files.mlp_inputs, files.model, cache, study.order)
    return LayerInputs(files, study, cache, stored, codes, layer, concepts, interplm, mlp)
