"""What taking a confounder out of a probe does, arm by arm."""

from protsae.schema.table import Column, Table

_SHARE = "0 to 1"
_DIFFERENCE = "-1 to 1"


def _scored(name: str, values: str, meaning: str) -> tuple[Column, ...]:
    """A score with its interval."""
    return (
        Column(name, "number", values, meaning),
        Column(
            f"{name}_low",
            "number",
            values,
            f"Lower end of the 95 % interval of `{name}`, over homology clusters of test "
            "(resampled). Empty if one of the four combinations of label and confounder is in "
            "fewer than 10 of them.",
            True,
        ),
        Column(f"{name}_high", "number", values, "Its upper end.", True),
    )


DECONFOUNDED = Table(
    "deconfounded",
    1,
    "one row per arm, probe and number removed",
    ("arm", "probe", "n_removed"),
    (
        Column(
            "arm",
            "text",
            "none, reweighted, features, features at random, coordinates, mean difference, probe "
            "directions, LEACE",
            "What is taken out of the layer activations. `features`: those of the SAE that tell "
            "the confounder best among proteins with the same label, ablated. `features at "
            "random`: as many, active about as often; scores are means of several draws. "
            "`coordinates`: chosen by the rule for features, set to their mean on train. `mean "
            "difference`: the direction of the mean with the confounder less that without. "
            "`probe directions`: of one probe of the confounder after another. `LEACE`: the "
            "smallest change after which no linear probe of train tells the confounder. "
            "`reweighted`: nothing, but the probe is trained with equal weight of the four "
            "combinations of label and confounder.",
        ),
        Column(
            "probe",
            "text",
            "kept or retrained",
            "`kept`: the probe of the layer as it is, with its bias set so that the mean logit of "
            "train stays. `retrained`: trained on what is left.",
        ),
        Column(
            "n_removed", "integer", "≥ 0", "Features, coordinates or directions that are removed."
        ),
        Column(
            "is_chosen",
            "boolean",
            "true or false",
            "Whether `valid_auroc` is the highest of the arm and the probe, the least removed of "
            "equal ones. 0 is among the numbers tried.",
        ),
        Column(
            "variance_removed",
            "number",
            "≥ 0",
            "Variance of what is taken out over that of the activations, both summed over "
            "coordinates, in train. Features that partly cancel can take more than 1.",
        ),
        Column(
            "valid_auroc",
            "number",
            _SHARE,
            "AUROC of the label on valid, with equal weight of the four combinations.",
        ),
        *_scored(
            "accuracy",
            _SHARE,
            "Share of test proteins whose label the probe tells (logit above 0), the mean over the "
            "four combinations of label and confounder.",
        ),
        *_scored(
            "worst_cell",
            _SHARE,
            "The same share in the combination where it is least. If the four combinations are "
            "equally easy, that is the one with the worst luck, so the value tends to be too low; "
            "the interval allows for that.",
        ),
        *_scored(
            "auroc",
            _SHARE,
            "AUROC of the label on test, with equal weight of the four combinations.",
        ),
        *_scored(
            "confounder_auroc",
            _SHARE,
            "The same of a fresh probe of the confounder, trained with equal weight of the four "
            "combinations on what is left. 0.5: no linear probe tells it.",
        ),
        *_scored(
            "accuracy_gain",
            _DIFFERENCE,
            "`accuracy` less that of `none`, paired by cluster.",
        ),
        *_scored(
            "worst_cell_gain",
            _DIFFERENCE,
            "`worst_cell` less that of `none`. Its interval is wide where the worst combination is "
            "not the same for both.",
        ),
        *_scored(
            "auroc_gain",
            _DIFFERENCE,
            "`auroc` less that of `none`, paired by cluster. A probe can do better without any "
            "features that are noise to it: compare with `features at random`.",
        ),
        *_scored(
            "features_ahead",
            _DIFFERENCE,
            "`auroc` of the chosen number of features, with the same probe, less that of this row, "
            "paired by cluster.",
        ),
    ),
)
