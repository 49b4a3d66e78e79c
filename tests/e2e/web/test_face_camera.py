"""A face enrolled before a real browser's camera, which films a video of a person (ORL)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from backend.services.faces import FaceService
from backend.store.pictures import PictureStore
from backend.vision.faces.verifier import FaceVerifier
from backend.vision.faces.yunet_sface import YunetSface
from seal_firmware_sim.hardware import faces_orl
from tests.support.web_server import WebServer
from tests.support.web_world import PASSWORD, WebWorld

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """One person moving a little: pictures of an enrolment, each for some seconds."""
    return _film(tmp_path / "person.mjpeg", faces_orl.enrolment_pictures(3, 4))


def _film(path: Path, pictures: Sequence[bytes]) -> Path:
    path.write_bytes(b"".join(_as_jpeg(one) * 25 for one in pictures))
    return path


def _as_jpeg(data: bytes) -> bytes:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    done, encoded = cv2.imencode(".jpg", cv2.resize(picture, (640, 480)))
    assert done
    return encoded.tobytes()


@contextmanager
def _filming(browser: Browser, chromium: Path, video: Path) -> Iterator[Browser]:
    found = browser.browser_type.launch(
        executable_path=str(chromium),
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={video}",
        ],
    )
    yield found
    found.close()


@contextmanager
def _before_the_camera(filming: Browser, server: WebServer, town: WebWorld) -> Iterator[Page]:
    """The page of one who has agreed and opens the camera."""
    world = town.world
    verifier = FaceVerifier(YunetSface())
    faces = FaceService(world.context, world.ring, PictureStore(world.ring), verifier)
    town.app.state.services.add(faces)
    person = town.people["operator"].person_id
    context = filming.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    context.set_default_timeout(60_000)
    context.grant_permissions(["camera"], origin=server.address)
    page = context.new_page()
    page.goto(f"{server.address}/sign-in?next=/faces/{person}")
    page.fill("#login", town.logins["custodian"])
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.check("input[name=agreed]")
    page.click("text=同意，下一步拍照")
    yield page
    context.close()


def _looks(page: Page) -> Callable[[], Route]:
    """What the camera asks, one after the other, each kept until it is let go."""
    looks: list[Route] = []
    page.route("**/look", lambda route: looks.append(route))

    def asked() -> Route:
        start = page.locator("#camera-start")
        while not looks:
            # A browser on a loaded machine may fail to open its camera; people tap again.
            if start.is_visible() and start.is_enabled():
                start.click()
        return looks.pop(0)

    return asked


def test_three_pictures_from_the_camera_make_an_enrolment(
    browser: Browser, chromium: Path, video: Path, server: WebServer, town: WebWorld
) -> None:
    with (
        _filming(browser, chromium, video) as filming,
        _before_the_camera(filming, server, town) as page,
    ):
        asked = _looks(page)
        page.click("#camera-start")
        look = asked()
        for count in range(1, 4):
            # The next look is away while this one's answer is acted upon: nothing moves meanwhile.
            while page.locator("#camera-take").is_disabled():
                look.continue_()
                look = asked()
            expect(page.locator("#camera-words")).to_have_text("很好，可以拍了")
            page.click("#camera-take")
            if count < 3:
                expect(page.locator("#shots li")).to_have_count(count)
        expect(page.locator(".done")).to_contain_text("已登记人脸")
        (made,) = town.world.records("face.enrolled")
        assert made.data["pictures"] == 3
        page.click("summary:has-text('撤回同意')")
        page.click("text=确定撤回并销毁")
        expect(page.locator("text=同意，下一步拍照")).to_be_visible()
