"""The file of base rates that were counted here, with what they were counted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from protsae import __version__
from protsae.concepts.concept_rates import composition
from protsae.config.stage_settings import BaseRateSettings
from protsae.io.table_files.base_rate_files import write_base_rates
from protsae.schema.concept_tables import BASE_RATES
from protsae.schema.table import conform


@dataclass(frozen=True)
class CountedRates:
    """Base rates, with the proteins and settings that they were counted on.

    Attributes
    ----------
    rates : DataFrame
        Of `concept_base_rates`: all concepts.
    proteins : DataFrame
        Columns organism, sequence.
    settings : BaseRateSettings
    source : str
        Path of the proteins.
    """

    rates: pd.DataFrame
    proteins: pd.DataFrame
    settings: BaseRateSettings
    source: str

    @property
    def common(self) -> pd.DataFrame:
        """Rates of the concepts that enough proteins have, one at least."""
        return self.rates[self.rates["n_proteins"] >= max(1, self.settings.min_proteins)]

    def comments(self) -> list[str]:
        """What was counted, and how: lines for the top of the file."""
        settings, names = self.settings, [Path(path).name for path in self.settings.labels]
        labels = f"; labels of {', '.join(names)}" if names else ""
        return [
            *composition(self.proteins),
            f"input: {Path(self.source).name}; evidence: {settings.evidence}{labels}",
            f"concepts in {settings.min_proteins} proteins or more; counted by protsae "
            f"{__version__}",
        ]

    def write(self, path: str | Path, notes: Sequence[str] = ()) -> None:
        """Write the common ones under ``notes`` and the comments."""
        table = conform(self.common, BASE_RATES, str(path))
        write_base_rates(path, table, [*notes, *self.comments()])

    def lines(self, path: str | Path) -> list[str]:
        """What was written, and how many concepts were not."""
        n_common = len(self.common)
        lines = [f"wrote {path}: {n_common:,} concepts, {len(self.proteins):,} proteins"]
        if rare := int((self.rates["n_proteins"] > 0).sum()) - n_common:
            fewer = f"in fewer than {self.settings.min_proteins} proteins"
            lines.append(f"  {rare:,} concepts left out: {fewer}")
        return lines
