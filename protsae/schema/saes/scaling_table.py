"""How scores of SAEs scale with width and sparsity."""

from protsae.schema.shared_columns import LAYER, MODEL
from protsae.schema.table import Column, Table

SCALING = Table(
    "scaling",
    1,
    "one row per model, layer, architecture, fitted column and parameter",
    ("model", "layer", "architecture", "y", "parameter"),
    (
        MODEL,
        LAYER,
        Column("architecture", "text", "name", "Architecture of the SAEs, such as `topk`."),
        Column("y", "text", "fvu, dead_fraction", "Column of summary.tsv that is fitted."),
        Column(
            "parameter",
            "text",
            "name",
            "Parameter of the fit: `floor`, `scale`, or the variable that an exponent belongs to.",
        ),
        Column("value", "number", "any", "Fitted value of the parameter."),
        Column(
            "low",
            "number",
            "any",
            "Lower bound of its nominal 95 % interval, from resampled residuals.",
        ),
        Column("high", "number", "any", "Upper bound of the same interval."),
        Column("n_saes", "integer", "≥ 4", "Number of SAEs in the fit."),
        Column("r_squared", "number", "≤ 1", "Share of the variance of log y that is explained."),
    ),
)
