"""How cheating with papers and imprints is played: the sleeve's cameras see it, no sensor does."""

from __future__ import annotations

from dataclasses import replace

from seal_firmware_sim.hardware import sheets
from seal_firmware_sim.hardware.cameras import typeset
from seal_firmware_sim.hardware.village_texts import capital_yuan
from seal_firmware_sim.scenarios.scenes import Scene
from seal_firmware_sim.scenarios.stage import Script
from seal_firmware_sim.scenarios.steps import approved, at_sleeve


def altered_amount(scene: Scene) -> Script:
    """After the approval another amount is printed over the approved one."""
    yield from approved(scene)
    paper, action = scene.request().paper, scene.action
    page = typeset(paper)
    for old, new in (
        (capital_yuan(action.amount), capital_yuan(action.to)),
        (f"￥{action.amount:,}", f"￥{action.to:,}"),
    ):
        sheet, places = sheets.reprinted(page, old, new)
        if not places:
            raise RuntimeError(f"{old} does not stand within a line")
        page = replace(page, image=sheet)
    yield from at_sleeve(scene, sheet=page.image)


def swapped_page(scene: Scene) -> Script:
    """Another paper lies under the sleeve."""
    yield from approved(scene)
    paper = scene.request().paper
    other = replace(paper, kind=scene.action.instead, seed=paper.seed + 1)
    yield from at_sleeve(scene, sheet=typeset(other).image)


def blank_sheet(scene: Scene) -> Script:
    """An empty sheet lies under the sleeve."""
    yield from approved(scene)
    yield from at_sleeve(scene, sheet=sheets.blank(typeset(scene.request().paper)))


def other_imprint(scene: Scene) -> Script:
    """The approved paper gets the imprint of another seal."""
    yield from approved(scene)
    text = scene.world.seal_text(scene.action.village, scene.action.other)
    yield from at_sleeve(scene, seal_text=text)
