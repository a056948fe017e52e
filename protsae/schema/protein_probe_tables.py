"""Tables of probes of whole proteins."""

from protsae.schema.shared_columns import FEATURE
from protsae.schema.table import Column, Table

_LABEL = Column("label", "text", "name", "Label of proteins that is told.")
_CLASS = Column(
    "class_name",
    "text",
    "name",
    "Class that is told from the others; of yes and no, the name of yes. Empty for a number.",
    True,
)
_INTERVAL = "95 % interval over homology clusters (resampled)"
_TOO_FEW = "Empty if fewer than 10 homology clusters have one of the classes."

PROTEIN_PROBES = Table(
    "protein_probes",
    1,
    "one row per label, inputs and metric",
    ("label", "inputs", "metric"),
    (
        _LABEL,
        Column(
            "kind",
            "text",
            "yes/no, classes, number",
            "What the label is. Numbers get ridge regressions, all else logistic ones, one for "
            "each class against the others.",
        ),
        Column(
            "inputs",
            "text",
            "features, embeddings, ranges, composition, homologue, base_rate",
            "What the label is told from. `features`: activations of the SAE's features, pooled "
            "over residues (maximum, mean, and share of residues at which the feature is active). "
            "`embeddings`: mean layer activations. `ranges`: mean, largest and smallest value of "
            "every coordinate, as features are pooled in more ways than by their mean. "
            "`composition`: share of each amino acid, and log length. `homologue`: nothing is "
            "fitted, a protein has the label of the best MMseqs2 hit in the other folds, or the "
            "base rate without a hit. `base_rate`: all proteins alike.",
        ),
        Column(
            "metric",
            "text",
            "auroc, average_precision, f1, spearman, r2",
            "What `value` is. All are of proteins that took no part in the fit, nor did any of "
            "their homology cluster. AUROC, average precision and Spearman's rho compare proteins"
            " of the same fold only; where all of a fold have one score, it counts as 0 in rho. "
            "F1: at the threshold chosen within the other folds; of several classes, of the one "
            "with the highest logit. Of several classes each is the mean over classes. R2: 1 less"
            " the squared error over that of the mean of the other folds: `base_rate` has 0.",
        ),
        Column("value", "number", "≤ 1", "The score. Empty if it is undefined.", True),
        Column("low", "number", "≤ 1", f"Lower end of its {_INTERVAL}. {_TOO_FEW}", True),
        Column("high", "number", "≤ 1", "Upper end of the same interval.", True),
        Column(
            "ahead",
            "number",
            "any",
            "Score of `features` less this one. Empty for `features`.",
            True,
        ),
        Column(
            "ahead_low",
            "number",
            "any",
            f"Lower end of the {_INTERVAL} of `ahead`, both scored on the same resampled clusters. "
            "It is made wider, with five folds by a half, for probes that would differ on other "
            "training proteins (Nadeau and Bengio 2003).",
            True,
        ),
        Column("ahead_high", "number", "any", "Upper end of the same interval.", True),
        Column(
            "lone_value",
            "number",
            "≤ 1",
            "The score on the proteins without an MMseqs2 hit in another fold: what is left where "
            "the search finds not even a distant relative. Empty if it is undefined.",
            True,
        ),
        Column("lone_low", "number", "≤ 1", f"Lower end of its {_INTERVAL}. {_TOO_FEW}", True),
        Column("lone_high", "number", "≤ 1", "Upper end of the same interval.", True),
        Column("n_proteins", "integer", "≥ 1", "Proteins that are scored, each in one fold."),
        Column("n_clusters", "integer", "≥ 1", "Homology clusters of these."),
        Column(
            "n_unknown",
            "integer",
            "≥ 0",
            "Proteins of the run that take no part: their label is unknown, or of a class in fewer "
            "than 10 homology clusters.",
        ),
        Column("n_lone", "integer", "≥ 0", "Proteins behind `lone_value`."),
    ),
)

PROTEIN_PROBE_FEATURES = Table(
    "protein_probe_features",
    1,
    "one row per label, class and pooled feature, by falling weight; at most 100 of a class",
    ("label", "class_name", "rank"),
    (
        _LABEL,
        _CLASS,
        Column("rank", "integer", "≥ 1", "Place by the absolute `coefficient`."),
        FEATURE,
        Column(
            "pool",
            "text",
            "max, mean, share",
            "How activations are pooled over residues: the largest, the mean, or the share of "
            "residues at which the feature is active.",
        ),
        Column(
            "coefficient",
            "number",
            "not 0",
            "Weight in a probe of all proteins, for the pooled feature over its standard "
            "deviation. Features that are active together share their weight, so that a small one "
            "does not say that a feature knows little.",
        ),
        Column(
            "n_folds_agree",
            "integer",
            "0 to the folds",
            "Folds whose probe gives the pooled feature a weight of the same sign.",
        ),
        Column(
            "score",
            "number",
            "0 to 1, or -1 to 1",
            "What the pooled feature tells by itself, on all proteins: AUROC, below 0.5 where the "
            "class has less of it; of a number, Spearman's rho. The features were chosen on the "
            "same proteins, so that the best look better than they are.",
            True,
        ),
        Column("score_low", "number", "as `score`", "Lower end of its 95 % interval.", True),
        Column("score_high", "number", "as `score`", "Upper end of the same interval.", True),
        Column("concept", "text", "name", "Concept that the feature detects best.", True),
        Column("feature_label", "text", "text", "Its label in the run.", True),
    ),
)

PROTEIN_PREDICTIONS = Table(
    "protein_predictions",
    1,
    "one row per label, class and protein",
    ("label", "class_name", "accession"),
    (
        _LABEL,
        Column("accession", "text", "name", "The protein."),
        Column(
            "fold",
            "integer",
            "≥ 1",
            "Fold in which it is scored, by probes of the other folds. Proteins of a homology "
            "cluster are in the same one.",
        ),
        _CLASS,
        Column(
            "value",
            "number",
            "any",
            "Whether the protein has the class (1 or 0), or its number.",
        ),
        Column(
            "features",
            "number",
            "any",
            "Held-out score by the probe of the SAE's features: a logit of the class, or the "
            "number. Scales differ between folds.",
        ),
        Column("embeddings", "number", "any", "The same by mean layer activations."),
        Column("ranges", "number", "any", "By mean, largest and smallest layer activations."),
        Column("composition", "number", "any", "By amino acids and length."),
        Column(
            "homologue",
            "number",
            "any",
            "The `value` of its best hit in the other folds, or `base_rate`.",
        ),
        Column("base_rate", "number", "any", "Mean `value` of the other folds."),
    ),
)
