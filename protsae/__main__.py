"""``python -m protsae`` is the ``protsae`` command."""

import sys

from protsae.cli import main

if __name__ == "__main__":
    sys.exit(main())
