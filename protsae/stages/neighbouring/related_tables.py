"""The tables that say how features stand to one another."""

from dataclasses import dataclass

import pandas as pd

from protsae.schema.neighbours.match_tables import ABSORPTION, MATCHES
from protsae.schema.neighbours.neighbour_tables import COMMUNITIES, MAP, NEIGHBOURS


@dataclass(frozen=True)
class NeighbourTables:
    """The tables of these names (docs/tables.md)."""

    neighbours: pd.DataFrame
    map: pd.DataFrame
    communities: pd.DataFrame
    matches: pd.DataFrame
    absorption: pd.DataFrame


TABLES = {table.name: table for table in (NEIGHBOURS, MAP, COMMUNITIES, MATCHES, ABSORPTION)}
