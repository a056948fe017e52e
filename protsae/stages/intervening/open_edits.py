"""The model and the SAEs that edits name, opened and checked to belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse

from protsae.association.scoring.thresholds import positive_quantiles
from protsae.concepts.concept import some_types
from protsae.concepts.concept_table import ConceptTable
from protsae.config.reserved_names import ONEHOT, model_of
from protsae.config.settings import Config
from protsae.detectors.activations import stacked
from protsae.errors import UserError
from protsae.inspection.feature_name import FeatureName, parse_feature_name
from protsae.interventions.intervention import feature_directions
from protsae.interventions.intervention_text import EXAMPLE, Amount, WrittenEdit, parse_edit
from protsae.io.hdf5.code_cache import StoredCodes, read_codes_source
from protsae.io.saes.sae_files import read_sae
from protsae.io.saes.sae_identity import sae_sha256
from protsae.one_line import cut
from protsae.plm.esm2.places import named_place
from protsae.run.layout import shard_names
from protsae.run.run_places import place
from protsae.sae.architectures import restore_sae
from protsae.stages.inputs.concept_inputs import read_all_concepts
from protsae.stages.inputs.scored_sae import validate_sae
from protsae.stages.inputs.studied_proteins import Study, read_study
from protsae.stages.intervening.open_directions import open_along
from protsae.stages.intervening.open_model import open_model
from protsae.stages.intervening.opened_edits import OpenedEdit, OpenedEdits, OpenedSae

ROWS = 20_000
"""Residues whose codes are read at a time."""


@dataclass(frozen=True)
class OpenedRun:
    """What a run has that edits need: proteins, concepts, settings; read when asked for.

    Attributes
    ----------
    results : Path
    config : Config
    """

    results: Path
    config: Config

    @cached_property
    def study(self) -> Study:
        """Proteins and splits."""
        return read_study(self.results / "proteins" / "proteins.parquet")

    @cached_property
    def sequences(self) -> dict[str, str]:
        """Sequences by accession."""
        table = self.study.proteins
        return dict(zip(table["accession"], table["sequence"], strict=True))

    @cached_property
    def concepts(self) -> ConceptTable:
        """Concepts of the run, with the labels of its residues."""
        path = self.results / "proteins" / "annotations.parquet"
        study = self.study
        return read_all_concepts(path, study.proteins, study.protein_set, self.config.concepts)

    def sae(self, name: FeatureName) -> OpenedSae:
        """The SAE of a feature, as `open_sae` opens it."""
        return open_sae(self, name)

    def labels(self, concept: str, protein: str, sequence: str, where: str) -> np.ndarray:
        """Residues of a protein of the run that have a concept: bool, shape (n_residues,).

        Raises
        ------
        UserError
            If the run has no such concept or protein, or another sequence of that name.
        """
        names = [known.name for known in self.concepts.concepts]
        if concept not in names:
            some = some_types(names)
            raise UserError(
                f"{where}: no concept {cut(concept, 60)!r} among the {len(names)} of "
                f"{self.results}; expected residues such as 10-20,35, active, or one such as {some}"
            )
        if self.sequences.get(protein) != sequence:
            raise UserError(
                f"{where}: {cut(protein, 60)} is no protein of {self.results}, which alone has "
                "annotations; give residues, such as 10-20,35"
            )
        labels = self.concepts.labels([protein])[:, [names.index(concept)]]
        found: np.ndarray = labels.toarray().ravel() > 0
        return found


def open_edits(
    results: Path,
    config: Config,
    texts: Sequence[str],
    model: str | None = None,
    threads: int = 1,
) -> OpenedEdits:
    """Open the model, and the SAEs and directions that some edits name.

    Parameters
    ----------
    results : Path
        Folder of the run.
    config : Config
        Its settings.
    texts : sequence of str
        As `parse_edit` reads them; one or more.
    model : str, optional
        Path or name of the ESM-2, if it is no longer where the settings say.
    threads : int
        CPU threads of a matrix product.

    Raises
    ------
    UserError
        If there is no edit, one cannot be read, the run has no such feature or layer, a file holds
        no direction of the layer, edits are of two models, or the parts of the run do not belong
        together.
    """
    if not texts:
        raise UserError(f"no edits; expected one or more, such as {EXAMPLE}")
    run = OpenedRun(results, config)
    written = [parse_edit(text) for text in texts]
    names = [
        tuple(parse_feature_name(one, results, config) for one in edit.features) for edit in written
    ]
    saes: dict[tuple[str, int, str], OpenedSae] = {}
    for name, *_ in filter(None, names):
        key = (name.model, name.layer, name.variant)
        saes[key] = saes.get(key) or open_sae(run, name)
    along = {
        edit.along: open_along(edit.along, results, config, run.study.protein_set)
        for edit in written
        if edit.along is not None
    }
    sources = [one.source for one in saes.values()] + [one.source for one in along.values()]
    models = {model_of(source.model) for source in sources}
    if len(models) > 1:
        raise UserError(
            f"--edit: places in {' and in '.join(sorted(models))}; all act in one model; name "
            "those of one"
        )
    digests = {"/".join(map(str, key)): opened.sha256 for key, opened in saes.items()}
    of_saes = open_model(results, config, sources[0], digests, model, threads)
    for opened in saes.values():
        opened.sae.to(of_saes.esm2.device)
    edits = [
        _opened(edit, own, saes, run.study)
        if edit.along is None
        else along[edit.along].edit(edit, of_saes.esm2.device)
        for edit, own in zip(written, names, strict=True)
    ]
    amounts = [list(edit.amounts) for edit in edits]
    directions = {str(name): one.sha256 for name, one in along.items()}
    made_from = {**of_saes.made_from, "edits": list(texts), "amounts": amounts}
    made_from |= {"directions": directions} if directions else {}
    return OpenedEdits(
        *(results, run.sequences, run.labels, of_saes.esm2, tuple(edits), saes),
        *(of_saes.context, of_saes.overlap, of_saes.tokens_per_batch(1), made_from),
    )


def open_sae(run: OpenedRun, name: FeatureName) -> OpenedSae:
    """The SAE of a feature, checked to be the one whose codes the run has.

    Raises
    ------
    UserError
        If it is not, or is of one-hot sequences, which have no predictions.
    """
    if name.model == ONEHOT:
        raise UserError(
            f"{name.model}/{name}: one-hot sequences are no model with predictions; name a "
            "feature of a model's layer"
        )
    own = place(name.model, name.layer)
    folder = run.results / "sae" / own / name.variant
    weights, source = read_sae(folder)
    shards = [f"shard-{shard}.h5" for shard in shard_names(run.config)]
    paths = [run.results / "codes" / own / shard for shard in shards]
    codes, digests = read_codes_source(paths[0])
    validate_sae(folder, name.layer, source, codes, digests.get(name.variant))
    digest = sae_sha256(folder)
    stored = StoredCodes(paths, name.variant, digest, run.study.protein_set)
    sae = restore_sae(source.architecture, source.k, weights)
    return OpenedSae(sae, stored, codes, digest)


def _opened(
    edit: WrittenEdit,
    names: tuple[FeatureName, ...],
    saes: Mapping[tuple[str, int, str], OpenedSae],
    study: Study,
) -> OpenedEdit:
    first = names[0]
    opened = saes[first.model, first.layer, first.variant]
    features = [name.feature for name in names]
    n_features = opened.sae.n_features
    if beyond := [feature for feature in features if feature >= n_features]:
        raise UserError(
            f"--edit {cut(edit.text, 80)}: no feature {beyond[0]}; "
            f"{edit.features[0].rpartition('/')[0]} has features 0 to {n_features - 1}"
        )
    return OpenedEdit(
        edit,
        names,
        named_place(first.model, first.layer),
        feature_directions(opened.sae, features),
        feature_amounts(edit.amount, opened.codes, study, names),
    )


def feature_amounts(
    amount: Amount, codes: StoredCodes, study: Study, names: Sequence[FeatureName]
) -> tuple[float, ...]:
    """What an amount is for each of some features of one SAE: an activation, or a factor.

    Quantiles are of the positive activations in the proteins of train.

    Raises
    ------
    UserError
        If a quantile is asked of a feature that is active at no residue of train.
    """
    if amount.quantile is None:
        return (amount.number,) * len(names)
    features = [name.feature for name in names]
    blocks = codes.blocks(study.names("train"), ROWS)
    columns = stacked([sparse.csr_array(rows[:, features]) for _, rows in blocks])
    [quantiles] = positive_quantiles(sparse.csc_array(columns), [amount.quantile])
    for name, quantile in zip(names, quantiles, strict=True):
        if not np.isfinite(quantile):
            raise UserError(
                f"--edit: {name.model}/{name} is active at no residue of train, so it has no "
                "quantiles; give a number"
            )
    return tuple(amount.number * float(quantile) for quantile in quantiles)
