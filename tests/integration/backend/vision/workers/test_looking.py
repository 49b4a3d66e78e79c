"""The real worker process: papers in, verdicts out; and what hostile files do to it."""

import random
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from backend.domain.eyes import Box, ImprintFinding, PageFinding
from backend.vision.decode import Picture, inspect
from backend.vision.workers import wire
from backend.vision.workers.worker import Worker, WorkerLimits
from seal_firmware_sim.hardware import pages, sheets
from seal_firmware_sim.hardware.cameras import DeskPageCamera, Paper, typeset
from tests.support import imprint_cases
from tests.support.paper_cases import cases, photographs, presses
from tests.support.paper_cases import typeset as papers
from tests.support.paper_cases.words import paper as wording_of
from tests.support.shots import jpeg

STYLE = papers.Style("Noto Serif SC", 14, 20, 1.0, 30, 25, False, True)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process for all."""
    one = Worker(WorkerLimits(timeout_s=110.0))
    yield one
    one.close()


def _references(worker: Worker, paper: bytes) -> list[bytes]:
    made = worker.ask(wire.MakeReference(paper))
    assert isinstance(made, wire.ReferenceMade)
    return [page.features for page in made.pages]


def test_an_approved_page_is_known_and_an_altered_one_is_marked(worker: Worker) -> None:
    for wanted, op, finding in (
        (cases.GENUINE, "", PageFinding.SAME),
        (cases.ALTERED, "digit", PageFinding.ALTERED),
    ):
        made = cases.make(
            7, random.Random(7), wanted=wanted, op=op, level="mild", kind="land_contract"
        )
        zones: list[list[Box]] = [
            [zone[1:] for zone in made.zones if zone[0] == number] for number in range(9)
        ]
        references = _references(worker, made.reference)
        seen = worker.ask(wire.LookAtPage(made.photo, references, zones[: len(references)], {}))
        assert isinstance(seen, wire.PageSeen)
        assert seen.verdict.finding is finding
        if finding is PageFinding.ALTERED:
            assert seen.verdict.marks
            assert seen.crops
            for crop in seen.crops:
                assert inspect(crop.approved) == inspect(crop.found)
    assert worker.started == 1


def test_another_paper_and_a_blank_sheet_are_shown_whole_beside_the_approved_page(
    worker: Worker,
) -> None:
    approved = wording_of("land_contract", 20)
    references = _references(worker, papers.pdf(approved, STYLE))
    other = papers.sheets(wording_of("receipt", 3), STYLE)[0]
    for sheet, finding in (
        (other, PageFinding.ANOTHER),
        (np.full_like(other, 250), PageFinding.BLANK),
    ):
        # As somebody may lay it: upside down.
        photo = photographs.photograph(sheet, "medium", random.Random(4), turned=True)
        seen = worker.ask(wire.LookAtPage(photo, references, [[] for _ in references], {}))
        assert isinstance(seen, wire.PageSeen)
        assert seen.verdict.finding is finding
        [crop] = seen.crops
        assert inspect(crop.approved).width == inspect(crop.found).width
        first = seen.verdict.marks[0]
        assert first.approved == "农村土地承包合同"
        assert first.found == ("村集体资金收款凭据" if finding is PageFinding.ANOTHER else "")


@pytest.mark.parametrize(
    "hostile",
    [b"", b"not a picture", b"%PDF-1.7\n%%EOF", jpeg(1)[:200], b"\xff\xd8" + bytes(100)],
    ids=["nothing", "words", "empty pdf", "truncated", "zeros"],
)
def test_a_file_that_is_none_gets_a_reason_and_the_worker_lives(
    worker: Worker, hostile: bytes
) -> None:
    before = worker.started
    for task in (wire.MakeReference(hostile), wire.LookAtPage(hostile, [], [], {})):
        said = worker.ask(task)
        assert isinstance(said, wire.Unable)
        assert said.code
        assert said.zh
    assert worker.started in (before, before + 1)
    assert worker.pid is not None


def test_a_seal_is_enrolled_and_known_again_on_the_paper(worker: Worker) -> None:
    press = imprint_cases.drawn("plain", 31, "mild")
    templates: dict[str, list[bytes]] = {}
    for number, design in enumerate(press.village):
        pictures = [_jpeg(picture) for picture in imprint_cases.enrolment(design, 1, 1)]
        made = worker.ask(wire.EnrolImprint(pictures))
        assert isinstance(made, wire.ImprintEnrolled)
        templates[str(number)] = [made.template]
    right = str(press.new[0].seal)
    for asked, finding in (
        (right, ImprintFinding.RIGHT),
        (str((int(right) + 1) % 3), ImprintFinding.OTHER_SEAL),
    ):
        seen = worker.ask(
            wire.LookAtImprint(_jpeg(press.before), _jpeg(press.after), asked, templates, [], [])
        )
        assert isinstance(seen, wire.ImprintSeen)
        assert seen.verdict.finding is finding
        assert seen.sheet


def test_an_honest_press_over_print_beside_a_signature_is_right(worker: Worker) -> None:
    press = presses.honest(8, ("Noto Sans CJK SC",))
    read = worker.ask(wire.MakeReference(press.reference))
    assert isinstance(read, wire.ReferenceMade)
    pages, zones = [page.features for page in read.pages], [page.zones for page in read.pages]
    before = worker.ask(wire.LookAtPage(press.before, pages, zones, {}))
    assert isinstance(before, wire.PageSeen)
    assert before.verdict.finding is PageFinding.SAME, before.verdict
    seal = worker.ask(wire.EnrolImprint([press.seals[0]]))
    assert isinstance(seal, wire.ImprintEnrolled)
    look = wire.LookAtImprint(
        press.before, press.after, "own", {"own": [seal.template]}, pages, zones
    )
    after = worker.ask(look)
    assert isinstance(after, wire.ImprintSeen)
    assert after.verdict.finding is ImprintFinding.RIGHT, after.verdict


def _jpeg(picture: Picture) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


class _Desk:
    """A simulated sleeve's page camera over one sheet, and two enrolled seals of the village."""

    OURS, OTHER = "义渡镇柳塘村民委员会", "义渡镇柳塘村股份经济合作社"

    def __init__(self, worker: Worker, seed: str, *, blank: bool, seal: str) -> None:
        paper = Paper("house_building", 36, self.OURS)
        camera = DeskPageCamera(random.Random(seed))
        camera.lay(paper, sheets.blank(typeset(paper)) if blank else None, seal)
        self.before = camera.photograph("before", 1)
        self.after = camera.photograph("after", 1)
        self._worker = worker
        self.templates = {one: [self._enrolled(one)] for one in (self.OURS, self.OTHER)}

    def _enrolled(self, seal: str) -> bytes:
        picture = pages.jpeg(sheets.specimen(seal, random.Random(seal)), 85)
        made = self._worker.ask(wire.EnrolImprint([picture]))
        assert isinstance(made, wire.ImprintEnrolled)
        return made.template

    def look(self) -> wire.ImprintSeen:
        seen = self._worker.ask(
            wire.LookAtImprint(self.before, self.after, self.OURS, self.templates, [], [])
        )
        assert isinstance(seen, wire.ImprintSeen)
        return seen


def _red(picture: bytes) -> float:
    """Share of a crop's inner half that is as red as stamp ink."""
    found = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    height, width = found.shape[:2]
    part = found[height // 4 : -height // 4, width // 4 : -width // 4].astype(int)
    return float((part[..., 2] - part[..., :2].max(axis=2) > 60).mean())


def test_another_seals_imprint_is_cut_out_of_both_pictures(worker: Worker) -> None:
    seen = _Desk(worker, "other", blank=False, seal=_Desk.OTHER).look()
    assert seen.verdict.finding is ImprintFinding.OTHER_SEAL
    assert seen.verdict.imprints[0].seal == _Desk.OTHER
    [crop] = seen.crops
    assert inspect(crop.approved) == inspect(crop.found)
    assert _red(crop.found) > 0.05 > 0.001 >= _red(crop.approved)


def test_an_imprint_on_a_blank_sheet_makes_no_other_sheet_of_it(worker: Worker) -> None:
    """With this seed the imprint's letters were taken for print that had not been there."""
    assert _Desk(worker, "blank0", blank=True, seal="").look().verdict.finding in (
        ImprintFinding.RIGHT,
        ImprintFinding.RETAKE,
    )
