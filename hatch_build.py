"""Build hook: brings the pages' scripts and fonts into the wheel before it is packed."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface[Any]):
    """Runs the same code as the launcher (tools/assets.py)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch what package-lock.json pins. Raises what `tools.assets.ensure` raises."""
        sys.path.insert(0, self.root)
        from tools import assets

        assets.ensure(Path(self.root), with_dev=False)
