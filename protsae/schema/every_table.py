"""All tables. Writers are checked against them, and docs/tables.md is generated from them."""

from protsae.schema.concept_tables import BASE_RATES, CONCEPTS
from protsae.schema.explained.calibration_table import CALIBRATION
from protsae.schema.explained.prediction_tables import PREDICTIONS, RESIDUES
from protsae.schema.explained.segment_table import SEGMENTS
from protsae.schema.explained.variant_tables import VARIANT_FEATURES, VARIANTS
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.schema.features.example_tables import EXAMPLES, LOGOS
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.features.llm_description_table import LLM_DESCRIPTIONS
from protsae.schema.interventions.attribution_tables import ATTRIBUTION_CHECKS, ATTRIBUTIONS
from protsae.schema.interventions.deconfounded_table import DECONFOUNDED
from protsae.schema.interventions.design_table import DESIGNS
from protsae.schema.interventions.edited_predictions_table import EDITED
from protsae.schema.interventions.effect_table import EFFECTS
from protsae.schema.missing_annotation_tables import CANDIDATES, RECOVERY, RELIABILITY
from protsae.schema.neighbours.match_tables import ABSORPTION, MATCHES
from protsae.schema.neighbours.neighbour_tables import COMMUNITIES, MAP, NEIGHBOURS
from protsae.schema.pair_tables import ASSOCIATIONS, CLUSTER_COUNTS, DETECTORS, INTERPLM
from protsae.schema.protein_probe_tables import (
    PROTEIN_PREDICTIONS,
    PROTEIN_PROBE_FEATURES,
    PROTEIN_PROBES,
)
from protsae.schema.protein_tables import ANNOTATIONS, FURTHER, PROTEINS, RELATIVES
from protsae.schema.reference_tables import PROBES, REFERENCES, RULE_COUNTS, RULES
from protsae.schema.saes.evaluation_tables import SUMMARY
from protsae.schema.saes.scaling_table import SCALING
from protsae.schema.saes.stability_table import STABILITY
from protsae.schema.saes.training_table import TRAINING
from protsae.schema.sparse_probe_table import SPARSE_PROBES

EVERY = (
    FEATURES,
    BEST_FEATURES,
    DESCRIPTIONS,
    LLM_DESCRIPTIONS,
    ASSOCIATIONS,
    DETECTORS,
    CANDIDATES,
    RECOVERY,
    RELIABILITY,
    CALIBRATION,
    INTERPLM,
    SUMMARY,
    PROBES,
    SPARSE_PROBES,
    PROTEIN_PROBES,
    PROTEIN_PROBE_FEATURES,
    PROTEIN_PREDICTIONS,
    REFERENCES,
    RULES,
    RULE_COUNTS,
    CLUSTER_COUNTS,
    BASE_RATES,
    CONCEPTS,
    EXAMPLES,
    LOGOS,
    TRAINING,
    PROTEINS,
    RELATIVES,
    FURTHER,
    ANNOTATIONS,
    SCALING,
    STABILITY,
    EFFECTS,
    NEIGHBOURS,
    MAP,
    COMMUNITIES,
    MATCHES,
    ABSORPTION,
    SEGMENTS,
    PREDICTIONS,
    RESIDUES,
    EDITED,
    ATTRIBUTIONS,
    ATTRIBUTION_CHECKS,
    DESIGNS,
    DECONFOUNDED,
    VARIANTS,
    VARIANT_FEATURES,
)
