"""Annotate the features of a layer: the concept that each detects, with baselines and nulls."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import examine
from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.run_tables import detector_rows
from protsae.config.reserved_names import MLP
from protsae.descriptions.describe_features import Describer
from protsae.descriptions.rule_words import motif_words
from protsae.detectors.activations import Codes, Encoded
from protsae.detectors.baselines import baseline_detectors
from protsae.features.error_sites import error_sites
from protsae.features.example_rows import example_rows, strongest_proteins
from protsae.features.example_sites import STRONGEST, choose_sites
from protsae.features.feature_rows import feature_rows
from protsae.features.logos import Backgrounds, logo_rows
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.progress import progress
from protsae.missing_annotations.search import missing_annotation
from protsae.probabilities.feature_calibration import calibrate
from protsae.references.interplm_concepts import InterplmConcepts
from protsae.references.interplm_f1 import layer_pairs
from protsae.sae.autoencoder import Sae
from protsae.sae.evaluation.reconstruction import encoder_decoder_cosine
from protsae.schema.explained.calibration_table import CALIBRATION
from protsae.schema.features.description_table import DESCRIPTIONS, LABEL_COLUMNS
from protsae.schema.features.example_tables import EXAMPLES, LOGOS
from protsae.schema.features.feature_tables import LAYER_FEATURES
from protsae.schema.missing_annotation_tables import CANDIDATES, RECOVERY, RELIABILITY
from protsae.schema.pair_tables import CLUSTER_COUNTS, DETECTORS, INTERPLM, LAYER_ASSOCIATIONS

MISSING = {table.name: table for table in (CANDIDATES, RECOVERY, RELIABILITY)}
"""Tables on annotation that may be missing, and on how far to trust them."""

LABELS = [column.name for column in LABEL_COLUMNS]
"""Columns of the descriptions that the feature table repeats."""

TABLES = {
    **{t.name: t for t in (LAYER_FEATURES, LAYER_ASSOCIATIONS, DETECTORS, EXAMPLES, LOGOS)},
    **{t.name: t for t in (CLUSTER_COUNTS, INTERPLM, CALIBRATION, DESCRIPTIONS)},
    **MISSING,
}
"""All tables of a layer, by name."""


def annotate_layer(
    layer: Layer,
    detectors: Mapping[str, Codes],
    saes: Mapping[str, Sae],
    interplm: InterplmConcepts | None = None,
    frozen: Collection[str] = (),
) -> dict[str, pd.DataFrame]:
    """Score every set of detectors against every concept of a layer.

    Parameters
    ----------
    layer : Layer
        Proteins with their splits, concepts, settings.
    detectors : mapping of str to Codes
        Activations of each SAE by its name, and of baselines (`layer_baselines`).
    saes : mapping of str to Sae
        Those of the detectors that are SAEs: they get rows of features, examples and candidates.
    interplm : optional
        Concepts as InterPLM's parser takes them, to score the SAEs by its rule as well.
    frozen : collection of str, optional
        SAEs that are baselines of the others: they have no descriptions, and no missing
        annotations are sought with them.

    Returns
    -------
    dict of DataFrame
        The tables of `TABLES` by name, columns as in docs/tables.md but for model and layer.
    """
    split, backgrounds = HeldOut.of(layer), Backgrounds.of(layer.proteins)
    describer = Describer.of(layer)
    parts: dict[str, list[pd.DataFrame]] = {}
    for variant, codes in progress(detectors.items(), "annotating", "sets of detectors"):
        examined = examine(layer, split, codes, "leading" if variant in saes else "best")
        own = {
            "associations": examined.pairs.drop(columns="gain"),
            "detectors": detector_rows(examined),
            "cluster_counts": examined.cluster_counts,
        }
        if variant in saes:
            own |= _described(layer, split, backgrounds, codes, examined, saes[variant])
            own["calibration"] = calibrate(layer, codes, examined)
            if variant in frozen:
                own["features"] = own["features"].assign(**dict.fromkeys(LABELS))
            else:
                own |= missing_rows(layer, codes, examined)
                motif = own["features"]["feature"].map(motif_words(own["logos"]))
                evidence = own["features"].assign(motif=motif)
                own["descriptions"] = describer.describe(codes, evidence)
                labels = own["descriptions"][["feature", *LABELS]]
                own["features"] = own["features"].merge(labels, on="feature")
            if interplm is not None:
                own["interplm"] = layer_pairs(layer, codes, interplm)
        for name, rows in own.items():
            parts.setdefault(name, []).append(rows.assign(variant=variant))
    found = {name: pd.concat(rows, ignore_index=True) for name, rows in parts.items()}
    # Where all SAEs are frozen.
    return no_missing_rows() | {"descriptions": pd.DataFrame(columns=DESCRIPTIONS.names)} | found


def _described(
    layer: Layer,
    split: HeldOut,
    backgrounds: Backgrounds,
    codes: Codes,
    examined: Examined,
    sae: Sae,
) -> dict[str, pd.DataFrame]:
    """The rows of an SAE's features, of their examples and of their logos."""
    chosen = choose_sites(layer, codes, examined.train_sample)
    strongest = strongest_proteins(chosen.examples[STRONGEST], layer.proteins, codes.n_features)
    features = feature_rows(layer, codes, examined, strongest, encoder_decoder_cosine(sae))
    named = features[features["concept"].notna()]
    examples = chosen.examples | error_sites(layer, split, codes, named)
    return {
        "features": features,
        "examples": example_rows(layer, codes, examples),
        "logos": logo_rows(backgrounds, chosen.logo),
    }


def layer_baselines(
    layer: Layer, cache: LayerCache, saes: Mapping[str, Codes], mlp: Encoded | None = None
) -> dict[str, Encoded]:
    """The baselines of a layer's SAEs (`baseline_detectors`), and the neurons ``mlp`` if given.

    The random dictionary has as many directions as the widest SAE, and the ones of them that each
    residue keeps are as many as the SAEs have active on average, on the sample of train.
    """
    samples = [layer.train_sample(codes) for codes in saes.values()]
    l0 = np.mean([sample.nnz / sample.shape[0] for sample in samples])
    width = max(codes.n_features for codes in saes.values())
    k = max(1, round(l0))
    train, seed = layer.names("train"), layer.settings.seed
    found = baseline_detectors(cache.protein_blocks, train, cache.d_model, width, k, seed)
    return found if mlp is None else {**found, MLP: mlp}


def missing_rows(layer: Layer, codes: Codes, examined: Examined) -> dict[str, pd.DataFrame]:
    """The tables of ``MISSING``, empty where no feature is good enough."""
    found = missing_annotation(layer, codes, examined)
    if found is None:
        return no_missing_rows()
    recovery = found.recovery
    return dict(
        zip(MISSING, (found.candidates, recovery.concepts, recovery.reliability), strict=True)
    )


def no_missing_rows() -> dict[str, pd.DataFrame]:
    """The tables of ``MISSING`` without rows."""
    return {name: pd.DataFrame(columns=table.names) for name, table in MISSING.items()}
