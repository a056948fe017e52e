"""How numbers are written on the page; a dash where there is none."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd


def count(value: Any) -> str:
    """Whole, with commas."""
    return "–" if pd.isna(value) else f"{int(value):,}"  # noqa: RUF001 (a dash for "none")


def decimals(value: Any, digits: int = 2) -> str:
    """Rounded to as many decimals."""
    # Adding 0.0 makes a rounded -0.0 a plain zero.
    return "–" if pd.isna(value) else f"{round(value, digits) + 0.0:.{digits}f}"  # noqa: RUF001


def percent(value: Any) -> str:
    """A share as per cent, three significant digits."""
    return "–" if pd.isna(value) else f"{100 * value:.3g} %"  # noqa: RUF001


def significant(value: Any) -> str:
    """Three significant digits."""
    return "–" if pd.isna(value) else f"{value:.3g}"  # noqa: RUF001


FILTERS: Mapping[str, Callable[..., str]] = {
    "count": count,
    "decimals": decimals,
    "percent": percent,
    "significant": significant,
}
"""By their names in templates."""
