// Keeps a page of the console up to date: one WebSocket says that there is news, the page asks
// again. A lost line is shown, tried again with growing waits, and caught up from where it broke.
"use strict";
(() => {
  const place = document.querySelector("[data-console]");
  if (!place) return;
  const FIRST_WAIT_MS = 400, LONGEST_WAIT_MS = 8000, SILENCE_MS = 40000, APART_MS = 700;
  const SIGN_IN = 4401;
  const body = document.body;
  const wanted = (place.dataset.kinds || "").split(" ").filter(Boolean);
  let cursor = place.dataset.console;
  let wait = FIRST_WAIT_MS, failures = 0, heard = Date.now(), last = 0, planned = null, socket = null;

  const refresh = () => {
    // Whoever is choosing rows must not lose the choice.
    if (place.querySelector(":checked")) { planned = setTimeout(refresh, APART_MS); return; }
    planned = null;
    last = Date.now();
    htmx.trigger(place, "news");
  };
  const plan = () => {
    if (planned === null) planned = setTimeout(refresh, Math.max(0, last + APART_MS - Date.now()));
  };
  // Rows may have been chosen while the answer was on its way.
  place.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.requestConfig.elt !== place || !place.querySelector(":checked")) return;
    event.detail.shouldSwap = false;
    plan();
  });
  const concerns = (kinds) =>
    !wanted.length || !kinds || kinds.some((kind) => wanted.some((start) => kind.startsWith(start)));

  const open = () => {
    const address = new URL("/live/console", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("cursor", cursor);
    const mine = (socket = new WebSocket(address));
    mine.onmessage = (event) => {
      const said = JSON.parse(event.data);
      heard = Date.now();
      cursor = said.cursor;
      failures = 0;
      wait = FIRST_WAIT_MS;
      body.dataset.live = "on";
      const clock = document.getElementById("clock");
      if (clock) clock.textContent = said.clock;
      if (said.kind === "news" && concerns(said.kinds)) plan();
    };
    mine.onclose = (event) => {
      if (mine !== socket) return;
      body.dataset.live = "off";
      failures += 1;
      if (event.code === SIGN_IN) { location.reload(); return; }
      if (failures === 3) askDoor();
      setTimeout(() => { if (mine === socket) open(); }, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };
  };
  // A refused handshake looks like a dead line: ask in a way that tells the two apart.
  const askDoor = () =>
    fetch("/me", { redirect: "manual" })
      .then((answer) => { if (answer.type === "opaqueredirect") location.reload(); })
      .catch(() => {});
  const again = () => {
    const old = socket;
    wait = FIRST_WAIT_MS;
    open();
    if (old) old.close();
  };

  addEventListener("offline", () => { body.dataset.live = "off"; });
  addEventListener("online", again);
  // Chromium may keep a page whole in memory and bring it back without its socket.
  addEventListener("pageshow", (event) => { if (event.persisted) again(); });
  setInterval(() => {
    if (Date.now() - heard > SILENCE_MS && body.dataset.live === "on") { body.dataset.live = "off"; again(); }
  }, 5000);
  open();
})();
