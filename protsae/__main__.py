"""``python -m protsae`` is the ``protsae`` command."""

import sys

from protsae.cli import command

if __name__ == "__main__":
    sys.exit(command())
