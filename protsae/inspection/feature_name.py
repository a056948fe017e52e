"""The name of a feature, such as 6/topk/246, and which feature of a run it stands for."""

import re
from dataclasses import dataclass
from pathlib import Path

from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.one_line import cut
from protsae.run.layout import model_name
from protsae.run.run_places import feature_name, sae_place

_NAME = re.compile(r"(?:([^/]+)/)?([0-9]{1,9})/([^/]+)/([0-9]{1,9})")


@dataclass(frozen=True)
class FeatureName:
    """A feature of a run.

    Attributes
    ----------
    model : str
    layer : int
    variant : str
    feature : int

    Examples
    --------
    >>> str(FeatureName("esm2_t6_protsae", 6, "topk", 246))
    '6/topk/246'
    """

    model: str
    layer: int
    variant: str
    feature: int

    def __str__(self) -> str:
        return feature_name(self.layer, self.variant, self.feature)


def parse_feature_name(text: str, results: Path, config: Config) -> FeatureName:
    """The feature that a name stands for: LAYER/SAE/FEATURE, or MODEL/LAYER/SAE/FEATURE.

    Without a model it is the one of the configuration, not its permuted copy or one-hot sequences.

    Raises
    ------
    UserError
        If it is no such name, or the run has no such layer or SAE. Whether the SAE has such a
        feature is not known here.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> config = parse_settings(Config, {"train": {"topk": {"architecture": "topk"}}})
    >>> parse_feature_name("6/topk/246", Path("results"), config)
    FeatureName(model='esm2_t6_protsae', layer=6, variant='topk', feature=246)
    >>> parse_feature_name("6-246", Path("results"), config)
    Traceback (most recent call last):
    protsae.errors.UserError: '6-246': no name of a feature; expected LAYER/SAE/FEATURE or ...
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise UserError(
            f"{cut(repr(text), 60)}: no name of a feature; expected LAYER/SAE/FEATURE or "
            "MODEL/LAYER/SAE/FEATURE, such as 6/topk/246"
        )
    model, layer, variant, feature = found.groups()
    name = FeatureName(model or model_name(config), int(layer), variant, int(feature))
    sae_place(results, config, name.layer, name.variant, name.model)
    return name
