"""``python -m zhiyin``."""

import sys

try:
    from zhiyin.cli import app

    app()
except KeyboardInterrupt:  # before any command could say what it means
    sys.exit(130)
