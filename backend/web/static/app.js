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

// What is new is said in a line that goes again; what was read on another device is no longer new.
(() => {
  const SHOWN_MS = 8000;
  const toast = document.getElementById("toast");
  let going;
  if (toast) new MutationObserver(() => {
    clearTimeout(going);
    if (toast.textContent.trim()) going = setTimeout(() => { toast.textContent = ""; }, SHOWN_MS);
  }).observe(toast, { childList: true });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && document.getElementById("news")) htmx.trigger("#news", "refresh");
  });
})();

// A time limit is seen running.
(() => {
  const MINUTE = 60000;
  const lasting = (ms, [day, hour, minute, second]) => {
    const s = Math.floor(Math.abs(ms) / 1000);
    if (s >= 86400) return `${Math.floor(s / 86400)}${day}${Math.floor((s % 86400) / 3600)}${hour}`;
    if (s >= 3600) return `${Math.floor(s / 3600)}${hour}${Math.floor((s % 3600) / 60)}${minute}`;
    return `${Math.floor(s / 60)}${minute}${s % 60}${second}`;
  };
  const tick = () => {
    for (const one of document.querySelectorAll("[data-due]")) {
      one.dataset.here ??= Date.now();
      const left = one.dataset.due - one.dataset.ahead - (Date.now() - one.dataset.here);
      one.textContent = (left < 0 ? one.dataset.over : one.dataset.left).replace("{lasting}", lasting(left, one.dataset.units.split(",")));
      const tone = left < 0 ? "bad" : left < 120 * MINUTE ? "warn" : "mute";
      one.parentElement.classList.remove("mute", "warn", "bad", "ok");
      one.parentElement.classList.add(tone);
    }
  };
  tick();
  setInterval(tick, 1000);

  // Usual reasons at one touch.
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-fill]");
    if (!chip) return;
    const field = document.getElementById(chip.dataset.fill);
    field.value = field.value ? `${field.value}；${chip.textContent}` : chip.textContent;
    field.focus();
  });

  // News does not take away what somebody is just writing or signing, nor what was begun while the
  // news was on its way.
  const holds = (one) => one.matches("[data-holds]") && one.querySelector(".act[open] textarea:not(:placeholder-shown), .act[open] :focus, form[data-busy]");
  document.body.addEventListener("htmx:beforeRequest", (event) => { if (holds(event.target)) event.preventDefault(); });
  document.body.addEventListener("htmx:beforeSwap", (event) => { if (holds(event.detail.requestConfig.elt)) event.detail.shouldSwap = false; });

  // Signing out takes along what this phone kept.
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action") !== "/sign-out") return;
    localStorage.clear();
    if (window.indexedDB) indexedDB.deleteDatabase("zhiyin-papers");
  });
})();
