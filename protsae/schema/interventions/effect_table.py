"""What features do to the model's predictions."""

from dataclasses import replace

from protsae.schema.shared_columns import IDENTITY
from protsae.schema.table import Column, Kind, Table

_CHANGES = {
    "necessity": (
        "ablated (set to 0) where it is active",
        "its active sites",
    ),
    "promotion": (
        "set to the 0.9 quantile of its positive activations where it is silent",
        "its silent sites",
    ),
}


def _estimated(prefix: str) -> tuple[Column, ...]:
    """Columns of one kind of change, estimated for all features."""
    change, sites = _CHANGES[prefix]

    def column(name: str, span: str, meaning: str) -> Column:
        return Column(f"{prefix}_{name}", "number", span, meaning, True)

    return (
        column(
            "kl",
            "nats ≥ 0",
            f"How much predictions change when the feature is {change}: Σ KL(clean ‖ edited) over "
            "the residues that are masked with the site, to second order in the change, mean over "
            f"{sites}. Empty with fewer than 5 sites.",
        ),
        column(
            "kl_low",
            "number",
            "Lower end of its nominal 95 % interval over sites (Student's t of its logarithm). "
            "Where few sites have most of it, the interval is too narrow: with exponential "
            "activations and equal gradients it holds the truth in 91 % of cases at 64 sites and "
            "in 84 % at 8, with others in fewer.",
        ),
        column("kl_high", "number", "Upper end of that interval."),
        column(
            "kl_random",
            "nats ≥ 0",
            "The same of a random direction with a change of the same norm at the same sites: its "
            "expectation.",
        ),
        column(
            "kl_dealt",
            "nats ≥ 0",
            "The same of other features' directions: mean over 100 features that are active about "
            "as often (or all others).",
        ),
        column("dealt_below", "0 to 1", "Share of those 100 that change predictions less than it."),
        column(
            "kl_coordinate",
            "nats ≥ 0",
            "The same of the coordinate whose axis changes predictions most at these sites.",
        ),
        column(
            "ratio",
            "0 to d_model",
            "Mean over sites of d_model cos² of the angle between the feature's direction and the "
            "gradients of what was drawn from the predictions there. 1: no more than a random "
            "direction has. No site counts more because the feature is stronger there.",
        ),
        column(
            "direction_p_value",
            "0 to 1",
            f"Share of all random directions whose {prefix}_ratio at these sites is as large.",
        ),
        column(
            "cluster_p_value",
            "0 to 1",
            f"That {prefix}_ratio is above 1 at sites of other proteins, too. Twice the smaller of "
            "two: a one-sided t-test of its logarithm, and a binomial test of how many sites have "
            "a ratio that 1 % of the random directions reach, which finds a feature that matters "
            "in one context only.",
        ),
        column(
            "whitened_direction_p_value",
            "0 to 1",
            f"`{prefix}_direction_p_value` of whitened gradients: scaled so that over all sites no "
            "direction has larger ones than another. Finds a feature beside directions that "
            f"predictions follow everywhere. 1 unless {prefix}_ratio is surely above 1 (t-test of "
            "its logarithm at 5 %), as this tells what is usual along a direction.",
        ),
        column(
            "whitened_cluster_p_value",
            "0 to 1",
            f"`{prefix}_cluster_p_value` of whitened gradients, likewise.",
        ),
        column(
            "p_value",
            "0 to 1",
            "Twice the smaller of plain and whitened, of each the larger of direction and cluster.",
        ),
        column(
            "covariance_p_value",
            "0 to 1",
            "The same against a higher bar: random directions with the covariance of the "
            "activations, too, rarely reach the ratio (of direction, cluster and this the "
            "largest). Of the covariance no principal direction keeps more than a tenth.",
        ),
        column(
            "q_value",
            "0 to 1",
            "Benjamini-Hochberg over necessity and promotion of all features of the SAE: a bound "
            "on the share of wrong ones among these tests; effect_q_value is one on features. That "
            "it is high does not say that the feature does nothing: gradients miss what saturates.",
        ),
    )


def _exact(name: str, span: str, meaning: str, kind: Kind = "number") -> Column:
    return Column(name, kind, span, meaning, True)


_CONCEPT = (
    Column(
        "concept",
        "text",
        "name",
        "Concept of the feature, best on valid, as in the table features; whether the pair is "
        "called is said there. Empty without one, or where effects were measured without concepts.",
        True,
    ),
    _exact(
        "n_concept_clusters",
        "≥ 0",
        "Homology clusters of test with a residue that has the concept and one that does not, at "
        "both of which the feature is active when they are masked; as many as there may be sites. "
        "From each cluster four residues of each kind are drawn, or as many as there are.",
        "integer",
    ),
    _exact(
        "inside_kl",
        "nats ≥ 0",
        "KL of the ablation (as necessity_kl, to second order) at those residues that have the "
        "concept, mean over clusters of the mean in each. Empty with fewer than 5.",
    ),
    _exact("outside_kl", "nats ≥ 0", "The same at those that do not have it."),
    _exact(
        "inside_kl_difference",
        "nats",
        "`inside_kl` less `outside_kl`. Above 0 as well where the feature is merely stronger with "
        "the concept; where in the chain residues lie is not ruled out either.",
    ),
    _exact(
        "inside_kl_difference_low",
        "nats",
        "Lower end of its nominal 95 % interval over clusters (Student's t of paired differences).",
    ),
    _exact("inside_kl_difference_high", "nats", "Upper end of that interval."),
    _exact(
        "inside_unit_kl_difference",
        "nats",
        "The same of KL divided by the squared activation: whether predictions follow the "
        "feature's direction more where its concept is, however strong the feature is.",
    ),
    _exact("inside_unit_kl_difference_low", "nats", "Lower end of its interval, likewise."),
    _exact("inside_unit_kl_difference_high", "nats", "Upper end of that interval."),
)

EFFECTS = Table(
    "effects",
    3,
    "one row per feature of the SAEs that are not frozen; the columns from n_ablated on are filled "
    "for features that were edited one by one",
    ("model", "layer", "variant", "feature"),
    (
        *IDENTITY,
        Column(
            "n_sites",
            "integer",
            "≥ 0",
            "Number of its active sites: residues of test, each of another homology cluster, at "
            "which the feature is active when the residue is masked with 15 % of the others. In "
            "half of the clusters it is the strongest residue, in the others one at random.",
        ),
        Column(
            "n_silent_sites",
            "integer",
            "≥ 0",
            "Number of its silent sites: for each active one a residue of the same protein with "
            "the same amino acid, at which the feature is not active.",
        ),
        *_estimated("necessity"),
        _exact(
            "necessity_logp",
            "nats",
            "Change of log p of the true residues that are masked with the site when the feature "
            "is ablated, to first order, mean over active sites. Negative: it helps the model to "
            "guess them.",
        ),
        _exact("necessity_logp_low", "nats", "Lower end of its 95 % interval over sites."),
        _exact("necessity_logp_high", "nats", "Upper end of that interval."),
        *_estimated("promotion"),
        _exact(
            "effect_q_value",
            "0 to 1",
            "That the feature changes predictions more than random directions, where it is active "
            "or where it is silent: Benjamini-Hochberg over the features of the SAE of twice the "
            "smaller of necessity_p_value and promotion_p_value. The feature is called if it is "
            "at most 0.05.",
        ),
        _exact(
            "covariance_q_value",
            "0 to 1",
            "The same of the two covariance_p_values: more than random directions with the "
            "covariance of the activations, too.",
        ),
        *_CONCEPT,
        _exact("n_ablated", "≥ 1", "Active sites at which the feature was ablated.", "integer"),
        _exact(
            "ablation_kl",
            "nats ≥ 0",
            "Sum of KL(clean ‖ ablated) over the masked residues, exact, mean over these sites: "
            "what necessity_kl estimates.",
        ),
        _exact("ablation_kl_low", "number", "Lower end of its 95 % interval over sites."),
        _exact("ablation_kl_high", "number", "Upper end of that interval."),
        _exact("ablation_kl_site", "nats ≥ 0", "Its part at the site itself."),
        _exact("ablation_kl_near", "nats ≥ 0", "Its part at masked residues within ± 8."),
        _exact("ablation_kl_elsewhere", "nats ≥ 0", "Its part at all others."),
        _exact(
            "ablation_kl_random",
            "nats ≥ 0",
            "The same, exact, for one random direction with a change of the same norm.",
        ),
        _exact(
            "true_logp_change",
            "nats",
            "Change of log p of the true residue of the site when the feature is ablated, mean.",
        ),
        _exact("true_logp_change_low", "nats", "Lower end of its 95 % interval over sites."),
        _exact("true_logp_change_high", "nats", "Upper end of that interval."),
        Column(
            "promotion",
            "list of numbers",
            "nats",
            "What the feature adds to log p of the 20 amino acids, A, C, D, ..., Y, at the site: "
            "clean less ablated, mean over active sites. Without values for features that were "
            "not edited.",
        ),
        _exact(
            "promotes",
            "amino acids",
            "Those whose mean is above 0.0001 nats, and above 0 with its whole nominal 95 % "
            "interval, the largest first; not corrected for there being 20.",
            "text",
        ),
        _exact("suppresses", "amino acids", "Those whose mean is below 0, likewise.", "text"),
        _exact(
            "dose_slope",
            "nats",
            "How log p of the promoted amino acid follows the feature: least squares over 0, 1/2, "
            "1 and 2 times its activation, mean over sites. The amino acid of a site is the one "
            "that the feature adds most to at the other sites.",
        ),
        _exact(
            "dose_monotone",
            "0 to 1",
            "Share of the sites at which it falls nowhere as the activation grows. It says little "
            "by itself: read it beside dose_monotone_random.",
        ),
        _exact(
            "dose_slope_random",
            "nats",
            "The slope of one random direction with a change of the same norm at the same sites, "
            "its own amino acid chosen alike.",
        ),
        _exact("dose_monotone_random", "0 to 1", "The share of monotone sites of that direction."),
        _exact(
            "n_unmasked",
            "≥ 0",
            "Of these sites, those at which the feature is active without any mask, too.",
            "integer",
        ),
        _exact(
            "unmasked_kl",
            "nats ≥ 0",
            "KL(clean ‖ ablated) at the site where neither the residue nor its prediction is "
            "masked, mean over those.",
        ),
        _exact("n_clamped", "≥ 0", "Silent sites at which the feature was set.", "integer"),
        _exact(
            "clamp_kl",
            "nats ≥ 0",
            "Sum of KL(clean ‖ edited), exact, when it is set to the 0.9 quantile of its positive "
            "activations there: what promotion_kl estimates.",
        ),
        _exact(
            "clamp_kl_random",
            "nats ≥ 0",
            "The same for one random direction with a change of the same norm.",
        ),
        _exact(
            "partner",
            "≥ 0",
            "Of the three features whose activations have the largest cosine with its own, the one "
            "with the largest redundancy_low.",
            "integer",
        ),
        _exact(
            "n_pairs",
            "≥ 0",
            "Of these sites, those at which the partner is active, too.",
            "integer",
        ),
        _exact(
            "pair_kl",
            "nats ≥ 0",
            "Sum of KL(clean ‖ ablated), exact, when both are ablated there, mean over those.",
        ),
        _exact(
            "redundancy",
            "number",
            "Share of the largest of the pair's effects on log p of the amino acids at the site "
            "that is there only when both are ablated. 1: ablating one changes nothing; 0: effects "
            "add up, or cancel; -1: either does all. Strong features may come out redundant merely "
            "because a layer norm scales up what is left. Empty with fewer than three sites, or "
            "where the pair does nothing.",
        ),
        _exact(
            "redundancy_low",
            "number",
            "Lower end of its nominal 95 % interval over sites, the lowest with any one left out. "
            "The pair is said to be redundant if it is above 0.25.",
        ),
        _exact("redundancy_high", "number", "Upper end, likewise."),
    ),
)

OF_FEATURES = (
    *("necessity_kl", "necessity_kl_random", "necessity_dealt_below", "necessity_q_value"),
    *("promotion_kl", "promotion_kl_random", "promotion_dealt_below", "promotion_q_value"),
    *("effect_q_value", "covariance_q_value", "promotes", "suppresses"),
    *("inside_kl", "outside_kl", "inside_kl_difference_low", "inside_kl_difference_high"),
)
"""Columns that the feature table has, too."""

FEATURE_EFFECTS = tuple(
    replace(
        column,
        meaning=f"`{column.name}` of the table effects; empty where no effects were measured.",
        empty=True,
    )
    for column in EFFECTS.columns
    if column.name in OF_FEATURES
)
