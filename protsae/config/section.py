"""What all sections of the settings share: types of values, and closed, frozen models."""

import os
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


Fraction = Annotated[float, Field(ge=0, le=1)]


Share = Annotated[float, Field(gt=0, lt=1)]


Positive = Annotated[int, Field(ge=1)]


Seed = Annotated[int, Field(ge=0, lt=2**32)]


Layers = tuple[Annotated[int, Field(ge=0)], ...]


LocalPath = Annotated[str, AfterValidator(os.path.expanduser)]
"""A path, or a name that is none; ``~/`` is the user's home."""


NULL = (None, "null")
"""No value, in YAML and in a nested value of Snakemake's --config, which makes strings of all."""


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values do not change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
