"""The plugin that Snakemake finds by this package's name: ``--logger protsae``."""

from protsae.screen.log_handler import LogHandler

__all__ = ["LogHandler"]
