"""``python -m zhiyin``."""

from zhiyin.cli import app

app()
