"""What every feature of a layer does to the predictions of its model, on test proteins."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch

from protsae.config.stage_settings import EffectSettings, EmbedSettings
from protsae.interventions.edited_predictions import passes
from protsae.interventions.effects.concept_contrasts import ConceptRows
from protsae.interventions.effects.exact_effects import StudiedPass
from protsae.interventions.effects.feature_effects import feature_effects
from protsae.interventions.model_pass import ModelPass, esm_pass
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.progress import progress
from protsae.plm.embedding import token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import LoadedEsm
from protsae.plm.esm2.places import named_place
from protsae.plm.esm2.tokens import STANDARD_TOKENS
from protsae.proteins.alphabet import STANDARD
from protsae.sae.autoencoder import Sae
from protsae.stages.inputs.feature_concepts import FeatureConcepts
from protsae.stages.inputs.open_saes import StoredSae
from protsae.statistics.multiple_testing import benjamini_hochberg


def measure_effects(
    found: Mapping[str, StoredSae],
    cache: LayerCache,
    test: pd.DataFrame,
    esm: LoadedEsm,
    settings: EffectSettings,
    concepts: FeatureConcepts | None = None,
) -> pd.DataFrame:
    """The rows of the table ``effects`` of a layer's SAEs, those that are frozen left out.

    Parameters
    ----------
    found : mapping of str to StoredSae
        From `open_saes`, with ``cache``, whose settings say how long windows are.
    test : DataFrame
        Rows of the test proteins: accession, sequence, cluster.
    esm : LoadedEsm
        The model of the activations.
    concepts : FeatureConcepts, optional
        Of the same SAEs. Without, columns on concepts are empty.
    """
    stated = EmbedSettings.model_validate(json.loads(cache.source.settings))
    esm.model.requires_grad_(False)
    esm2 = FusedEsm2(esm.model)
    if len(test) > settings.max_proteins:
        test = test.sample(settings.max_proteins, random_state=settings.seed).sort_index()
    studied = studied_passes(esm2, cache, test, stated, settings.seed)
    budget = token_budget(esm.model, n_kept=1, dtype=torch.float32)
    letters = dict(zip(STANDARD, STANDARD_TOKENS.tolist(), strict=True))
    tables = []
    for name, stored in found.items():
        if stored.source.freeze != "none":
            continue
        sae = stored.sae.to(esm.device).requires_grad_(False)
        exact = sae.in_float64()

        def encode(rows: np.ndarray, exact: Sae = exact) -> np.ndarray:
            x_ND = torch.from_numpy(rows).double().to(esm.device)
            return np.asarray(exact.encode(x_ND).float().cpu().numpy())

        def track(numbers: Sequence[int], name: str = name) -> Iterator[int]:
            yield from progress(list(numbers), f"{name}: running the model", "passes")

        decoder = sae.W_dec.cpu().numpy()
        accessions = test["accession"].tolist()
        own = concept_rows(concepts, name, studied, accessions) if concepts else None
        rows = feature_effects(studied, encode, decoder, letters, settings, budget, track, own)
        tables.append(pd.DataFrame(rows).assign(variant=name, feature=range(len(rows))))
    table = pd.concat(tables, ignore_index=True)
    table = table.assign(model=cache.source.model, layer=cache.layer)
    return with_q_values(table)


def concept_rows(
    concepts: FeatureConcepts, variant: str, studied: Sequence[StudiedPass], accessions: list[str]
) -> ConceptRows:
    """Labels of the residues that the passes predict, of the concepts of an SAE's features.

    Parameters
    ----------
    accessions : list of str
        Of the proteins that passes have the numbers of.
    """
    names = concepts.names[variant]
    wanted = sorted({name for name in names if name})
    of_protein = [concepts.labels(accession, wanted) for accession in accessions]
    labels = {
        name: np.concatenate([of_protein[one.protein][name][one.positions] for one in studied])
        for name in wanted
    }
    return ConceptRows(names, labels)


def with_q_values(table: pd.DataFrame) -> pd.DataFrame:
    """Corrected over all features of an SAE (Benjamini-Hochberg).

    Necessity and promotion are corrected together. ``effect`` is either: a feature's p is twice the
    smaller of the two, so that q bounds the share of wrong features. ``covariance`` is
    the same of the p-values against directions with the covariance of the activations.
    """
    need, promotion = (_p_values(table, f"{name}_p_value") for name in EITHER)
    variant = pd.factorize(table["variant"])[0]
    q_values = benjamini_hochberg(np.concatenate([need, promotion]), np.tile(variant, 2))
    found = dict(zip((f"{name}_q_value" for name in EITHER), np.split(q_values, 2), strict=True))
    for name, kind in (("effect", "p_value"), ("covariance", "covariance_p_value")):
        # A test that could not be made is no evidence, and costs the other one nothing more.
        smaller = np.fmin(*(_p_values(table, f"{prefix}_{kind}") for prefix in EITHER))
        found[f"{name}_q_value"] = benjamini_hochberg((2 * smaller).clip(max=1), variant)
    return table.assign(**found)


EITHER = ("necessity", "promotion")


def _p_values(table: pd.DataFrame, name: str) -> np.ndarray:
    return table[name].to_numpy(float, na_value=np.nan)


KEPT_BYTES = 2**28
"""Activations of masked passes that are kept, not computed again each time a pass is opened."""


def studied_passes(
    esm2: FusedEsm2, cache: LayerCache, proteins: pd.DataFrame, stated: EmbedSettings, seed: int
) -> list[StudiedPass]:
    """The masked passes that predict every residue of some proteins once."""
    place = named_place(cache.source.model, cache.layer)
    clusters = pd.factorize(proteins["cluster"])[0]
    planned = passes(proteins["sequence"].tolist(), stated.context, stated.overlap, True, seed)
    kept: dict[int, ModelPass] = {}
    n_bytes = 0

    def open_pass(number: int, is_masked: bool) -> ModelPass:
        nonlocal n_bytes
        if is_masked and number in kept:
            return kept[number]
        found = esm_pass(esm2, place, planned[number], is_masked)
        if is_masked and n_bytes + found.x_ND.nbytes <= KEPT_BYTES:
            kept[number] = found
            n_bytes += found.x_ND.nbytes
        return found

    studied = []
    for number, one in enumerate(planned):
        protein = one.window.protein
        position = one.window.start + one.predicted
        letters = one.tokens[one.predicted]
        opens = partial(open_pass, number)
        studied.append(StudiedPass(protein, int(clusters[protein]), position, letters, opens))
    return studied
