"""The table of descriptions: what each feature is, in words, and how far that can be trusted."""

from protsae.schema.shared_columns import IDENTITY
from protsae.schema.table import Column, Table

_OF_KIND = (
    ("sequence", "terms on the sequence alone"),
    ("annotations", "terms on the sequence and on annotations, if it has one on annotations"),
)

LABEL_COLUMNS = (
    Column(
        "label",
        "text",
        "words",
        "The rule of the feature in a few words (see Descriptions), or `unknown`: if no rule tells "
        "where it is active, or it is not known whether one does. Empty for frozen SAEs, which "
        "have no descriptions.",
        True,
    ),
    Column(
        "confidence",
        "text",
        "high, moderate, low or unknown",
        "How well the rule tells the activation, by the lower bound of `correlation`: `high` from "
        "0.5, `moderate` from 0.25, else `low`; `unknown` if the label is.",
        True,
    ),
)

DESCRIPTIONS = Table(
    "descriptions",
    2,
    "one row per feature of an SAE that is not frozen",
    ("model", "layer", "variant", "feature"),
    (
        *IDENTITY,
        *LABEL_COLUMNS,
        Column(
            "sentence",
            "text",
            "words",
            "Where the rule holds, how much of the activation that is and how well it tells; what "
            "kind of place the feature is on at (`kind`), and its concept, if the pair is called, "
            "with F1 on test, interval and q-value; and amino acids that are enriched around its "
            "peaks, at the four most informative offsets (`logos`).",
        ),
        Column(
            "synonyms",
            "text",
            "words, ...",
            "Other words for the annotations that the label names, for a search.",
            True,
        ),
        Column(
            "rule",
            "text",
            "JSON",
            "The rule: a list of at most three terms, which all hold where it does. Empty if none "
            "was found.",
            True,
        ),
        Column(
            "needs",
            "text",
            "sequence or annotations",
            "What the rule asks for: the sequence alone, or annotations, too.",
            True,
        ),
        Column(
            "valid_correlation",
            "number",
            "-1 to 1",
            "Correlation of the rule with the activation on the validation set, which decided on "
            "the number of terms.",
            True,
        ),
        Column(
            "n_clusters",
            "integer",
            "≥ 0",
            "Number of test homology clusters in which the feature is active.",
        ),
        Column(
            "auroc",
            "number",
            "0 to 1",
            "The score of the rule: the lower one of homologous_auroc and composition_auroc.",
            True,
        ),
        Column(
            "auroc_low",
            "number",
            "0 to 1",
            "Lower bound of its 95 % confidence interval over homology clusters. Empty with fewer "
            "than 10 clusters with activity.",
            True,
        ),
        Column("auroc_high", "number", "0 to 1", "Upper bound of the same interval.", True),
        Column(
            "homologous_auroc",
            "number",
            "0 to 1",
            "AUROC of the rule on test (see Descriptions): a residue drawn in proportion to the "
            "activation against silent residues, those with an activation of 0, of the same "
            "homology cluster.",
            True,
        ),
        Column(
            "composition_auroc",
            "number",
            "0 to 1",
            "The same against silent residues of the three proteins of other homology clusters "
            "that are most similar in composition.",
            True,
        ),
        Column(
            "dealt_auroc",
            "number",
            "0 to 1",
            "Mean AUROC of the rules of the other features of the SAE, dealt to this one; rules "
            "that are the same are left out. It is 0.5 if no other rule differs.",
            True,
        ),
        Column(
            "p_value",
            "number",
            "0 to 1",
            "P-value of the rule not being better for this feature than those of the others: "
            "Student's t of the paired difference of AUROC, by the jackknife over homology "
            "clusters, or by the error of a rule that is blind to the activation where that is "
            "larger, as a few residues may agree by chance; one-sided; the larger one against both "
            "kinds of silent residues. Empty with fewer than 10 clusters with activity.",
            True,
        ),
        Column(
            "q_value",
            "number",
            "0 to 1",
            "Q-value (Benjamini-Hochberg) over the features of the SAE.",
            True,
        ),
        Column(
            "correlation",
            "number",
            "-1 to 1",
            "Pearson correlation of the rule, 1 or 0, with the activation over test residues.",
            True,
        ),
        Column(
            "correlation_low",
            "number",
            "-1 to 1",
            "Lower end of its nominal 95 % interval (jackknife over homology clusters; it holds "
            "the truth for 91 % of resampled real features, for 84 % where a few clusters have "
            "most of the activation). Empty with fewer than 10 clusters with activity.",
            True,
        ),
        Column("correlation_high", "number", "-1 to 1", "Upper end of the same interval.", True),
        Column(
            "recall",
            "number",
            "0 to 1",
            "Share of the activation on test that is at residues where the rule holds, of residues "
            "whose labels are known for the annotations that it names.",
            True,
        ),
        Column(
            "precision",
            "number",
            "0 to 1",
            "Share of the test residues where the rule holds at which the feature is active.",
            True,
        ),
        Column(
            "known_share",
            "number",
            "0 to 1",
            "Share of the activation on test that is at residues whose labels are known for the "
            "annotations that the rule names.",
            True,
        ),
        Column(
            "protein_correlation",
            "number",
            "-1 to 1",
            "Pearson correlation over test proteins of the share of residues where the rule holds "
            "with the mean activation.",
            True,
        ),
        Column(
            "protein_auroc",
            "number",
            "0 to 1",
            "AUROC of that share, for proteins in which the feature is active against the others. "
            "Empty if it is active in all.",
            True,
        ),
        *(
            column
            for needs, terms in _OF_KIND
            for column in (
                Column(f"{needs}_rule", "text", "JSON", f"The best rule of {terms}.", True),
                Column(f"{needs}_auroc", "number", "0 to 1", "`auroc` of that rule.", True),
                Column(
                    f"{needs}_correlation", "number", "-1 to 1", "`correlation` of that rule.", True
                ),
            )
        ),
    ),
)
