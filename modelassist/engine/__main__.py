"""`python -m modelassist.engine`: see `cli`."""

import sys

from modelassist.engine.cli.options import main

if __name__ == "__main__":
    sys.exit(main())
