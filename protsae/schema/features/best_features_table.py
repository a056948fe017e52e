"""The table of best features: what the model knows, concept by concept."""

from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.shared_columns import CONCEPT, IDENTITY, PAIR
from protsae.schema.table import Column, Table

_BASELINES = slice(FEATURES.names.index("coordinate"), FEATURES.names.index("verdict") + 1)
_OF_BEST = (*FEATURES.names[_BASELINES], "recurs")

BEST_FEATURES = Table(
    "best_features",
    1,
    "one row per concept that a feature of the trained model was kept for, sorted by concept",
    ("concept",),
    (
        *CONCEPT,
        *IDENTITY,
        Column(
            "own_concept",
            "text",
            "see Concepts",
            "Concept that the feature itself matches best, `concept` of the feature in "
            "features.parquet. If it is another one, the feature detects something else that goes "
            "with this concept.",
        ),
        *PAIR,
        *(c for c in FEATURES.columns if c.name in _OF_BEST),
    ),
)
