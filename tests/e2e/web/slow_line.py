"""A line on which an answer can be kept back for as long as a test likes."""

from __future__ import annotations

from playwright.sync_api import APIResponse, Page, Route

_HEARS = """() => {
  window.heard = new Promise((done) => {
    document.body.addEventListener("htmx:afterRequest", () => setTimeout(done), { once: true });
  });
}"""


class SlowLine:
    """Keeps back what ``page`` asks of addresses like ``pattern`` by ``method`` in a script."""

    def __init__(self, page: Page, pattern: str, method: str, *, served: bool = True) -> None:
        """``served``: the server has done what it was asked, only its answer is on its way."""
        self._page = page
        self._method = method
        self._served = served
        self._quick = False
        self._kept: list[tuple[Route, APIResponse | None]] = []
        page.route(pattern, self._keep)

    def wait(self) -> None:
        """Until something is kept back."""
        while not self._kept:
            self._page.evaluate("0")

    def let_go(self) -> None:
        """Everything arrives; from now on the line is quick."""
        self._quick = True
        kept, self._kept = self._kept, []
        for route, answer in kept:
            if answer is None:
                route.continue_()
            else:
                route.fulfill(response=answer)

    def answer(self) -> None:
        """As `let_go`; returns when htmx has done with the answer."""
        self._page.evaluate(_HEARS)
        self.let_go()
        self._page.evaluate("window.heard")

    def _keep(self, route: Route) -> None:
        asked = route.request
        if self._quick or asked.method != self._method or asked.is_navigation_request():
            route.continue_()
        else:
            self._kept.append((route, route.fetch() if self._served else None))
