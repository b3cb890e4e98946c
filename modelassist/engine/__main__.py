"""`python -m modelassist.engine`: see `cli`."""

import sys

from modelassist.engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
