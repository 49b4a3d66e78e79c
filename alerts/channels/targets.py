"""Named targets: where the address itself is a secret, people choose it by its name."""

from collections.abc import Mapping

from alerts.channels.base import Dead
from alerts.channels.settings import Values


def choose(targets: Mapping[str, Values], recipient: str, service: str) -> Values | Dead:
    """The target that `recipient` names; an empty name means the only one there is."""
    if not recipient and len(targets) == 1:
        return next(iter(targets.values()))
    found = targets.get(recipient)
    if found is not None:
        return found
    if not recipient:
        return Dead(f"{service}：配置了多个目标，请写明用哪一个（config:target）", "config:target")
    # The name is the administrator's own word; what else somebody may have typed is not repeated.
    return Dead(
        f"{service}：没有这个名字的目标，请在设置里添加或改正名字（config:target）", "config:target"
    )
