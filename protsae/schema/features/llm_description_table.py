"""The table of descriptions that an LLM has written, with the scores of its rules."""

from dataclasses import replace

from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.schema.shared_columns import IDENTITY
from protsae.schema.table import Column, Table

_SAME_RESIDUES = "on the same residues of test, those whose labels are known for both rules"

_MEANING = {
    "rule": "The LLM's rule: a list of at most three terms, which all hold where it does. Empty if "
    "there is none that can be scored.",
    "dealt_auroc": "Mean AUROC of the LLM's rules for the other features it was asked about, dealt "
    "to this one; rules that are the same are left out. It is 0.5 if no other rule differs.",
    "q_value": "Q-value (Benjamini-Hochberg) over the features that the LLM was asked about and "
    "has a rule for.",
}
"""What is not as in descriptions.parquet."""

_AS_THERE = DESCRIPTIONS.only(
    [
        *("rule", "needs", "n_clusters", "auroc", "auroc_low", "auroc_high", "homologous_auroc"),
        *("composition_auroc", "dealt_auroc", "p_value", "q_value", "correlation"),
        *("correlation_low", "correlation_high", "recall", "precision", "known_share"),
        *("protein_correlation", "protein_auroc"),
    ]
).columns
"""Columns that say of the LLM's rules what they say of protsae's in descriptions.parquet."""

LLM_DESCRIPTIONS = Table(
    "llm_descriptions",
    1,
    "one row per feature that an LLM was asked about",
    ("model", "layer", "variant", "feature"),
    (
        *IDENTITY,
        Column("llm", "text", "name", "The LLM that was asked, by the name that was given."),
        Column(
            "label",
            "text",
            "words",
            "The LLM's own words; empty if it gave none. Only its rule is tested, not its words.",
            True,
        ),
        Column(
            "confidence",
            "text",
            "high, moderate, low or unknown",
            "Of the rule, as in descriptions.parquet; `unknown` if it is not known to tell where "
            "the feature is active, or there is none.",
        ),
        Column("sentence", "text", "words", "The LLM's own words; empty if it gave none.", True),
        Column(
            "problem",
            "text",
            "words",
            "Why the answer is no rule that can be scored. Empty if it is one, or says that it "
            "knows none.",
            True,
        ),
        *(replace(c, meaning=_MEANING.get(c.name, c.meaning)) for c in _AS_THERE),
        Column(
            "protsae_auroc",
            "number",
            "0 to 1",
            f"AUROC of protsae's own rule for the feature, {_SAME_RESIDUES}, against the silent "
            "residues of auroc (those of homologous or of composition-matched proteins).",
            True,
        ),
        Column(
            "auroc_difference",
            "number",
            "-1 to 1",
            f"AUROC of the LLM's rule less that of protsae's, {_SAME_RESIDUES}.",
            True,
        ),
        Column(
            "auroc_difference_low",
            "number",
            "-1 to 1",
            "Lower bound of its 95 % confidence interval: Student's t of the paired difference "
            "(jackknife over homology clusters). Empty with fewer than 10 clusters with activity.",
            True,
        ),
        Column(
            "auroc_difference_high", "number", "-1 to 1", "Upper bound of the same interval.", True
        ),
        Column(
            "protsae_correlation",
            "number",
            "-1 to 1",
            f"Correlation of protsae's own rule with the activation, {_SAME_RESIDUES}.",
            True,
        ),
        Column(
            "correlation_difference",
            "number",
            "-2 to 2",
            f"Correlation of the LLM's rule less that of protsae's, {_SAME_RESIDUES}.",
            True,
        ),
    ),
)
