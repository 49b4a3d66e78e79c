"""``python -m zhiyin``."""

import sys

if __name__ == "__main__":  # a child process that is spawned imports this file again
    try:
        from zhiyin.cli import app

        app()
    except KeyboardInterrupt:  # before any command could say what it means
        sys.exit(130)
