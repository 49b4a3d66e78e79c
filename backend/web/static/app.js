// What plain HTML and htmx do not do: says whether the live connection stands,
// and makes the pages an app on a phone.
"use strict";
if ("serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register("/sw.js");
(() => {
  const SILENCE_MS = 40000;
  const body = document.body;
  const live = document.querySelector("[data-live]");
  if (live) {
    let heard = Date.now();
    const on = () => { heard = Date.now(); body.dataset.live = "on"; };
    const off = () => { body.dataset.live = "off"; };
    body.addEventListener("htmx:sseOpen", (event) => {
      on();
      const source = event.detail.source;
      source.addEventListener("tick", (tick) => {
        on();
        const clock = document.getElementById("clock");
        if (clock && tick.data) clock.textContent = tick.data;
      });
      source.addEventListener("reload", () => location.reload());
    });
    body.addEventListener("htmx:sseError", off);
    // After a lost connection the same news may come once more: a card is on the page once.
    body.addEventListener("htmx:oobBeforeSwap", (event) => {
      for (const card of event.detail.fragment.querySelectorAll("article[id]")) {
        const there = document.getElementById(card.id);
        if (there && there !== event.detail.target) there.remove();
      }
    });
    addEventListener("offline", off);
    setInterval(() => { if (Date.now() - heard > SILENCE_MS) off(); }, 5000);
  }
})();
