// Reviewing by keyboard: from use to use in the log, and from one use's page to the next.
"use strict";
(() => {
  const list = document.querySelector("[data-review-list]");
  const story = document.querySelector("[data-review-use]");
  const help = document.getElementById("keys");
  if (help) {
    document.querySelector("[data-keys]").addEventListener("click", () => help.showModal());
  }

  const rows = list ? [...list.querySelectorAll("tr[data-use]")] : [];
  let at = -1;
  const choose = (next) => {
    if (!rows.length) return;
    if (at >= 0) rows[at].removeAttribute("aria-current");
    at = Math.max(0, Math.min(rows.length - 1, next));
    rows[at].setAttribute("aria-current", "true");
    rows[at].querySelector(".main a").focus();
    rows[at].scrollIntoView({ block: "nearest" });
  };
  const box = (row) => row.querySelector("input[name=use]");
  const all = document.getElementById("pick-all");
  const several = document.getElementById("several");
  if (all) {
    all.addEventListener("change", () => {
      for (const row of rows) if (box(row)) box(row).checked = all.checked;
    });
  }
  if (several) {
    several.addEventListener("submit", (event) => {
      if (rows.some((row) => box(row) && box(row).checked)) return;
      event.preventDefault();
      all.focus();
    });
  }
  if (list) {
    list.addEventListener("focusin", (event) => {
      const row = event.target.closest("tr[data-use]");
      const found = rows.indexOf(row);
      if (row && found !== at) {
        if (at >= 0) rows[at].removeAttribute("aria-current");
        at = found;
        row.setAttribute("aria-current", "true");
      }
    });
  }

  const go = (address) => { if (address) location.assign(address); };
  const inList = {
    j: () => choose(at + 1),
    k: () => choose(at - 1),
    x: () => { const one = at >= 0 && box(rows[at]); if (one) one.checked = !one.checked; },
    r: () => {
      if (at < 0 || !several) return;
      const one = box(rows[at]);
      if (!rows.some((row) => box(row) && box(row).checked) && one) one.checked = true;
      several.requestSubmit();
    },
    c: () => { if (at >= 0) go(rows[at].dataset.alert || rows[at].dataset.use + "#question"); },
    "/": () => document.getElementById("q").focus(),
  };
  const inStory = story && {
    j: () => go(story.dataset.older),
    k: () => go(story.dataset.newer),
    r: () => { const form = document.getElementById("mark-reviewed"); if (form) form.requestSubmit(); },
    c: () => {
      if (story.dataset.alert) { go(story.dataset.alert); return; }
      const field = document.getElementById("question");
      field.scrollIntoView({ block: "center" });
      field.focus();
    },
    u: () => go(story.dataset.back),
  };
  const keys = list ? inList : inStory || {};
  // Up and down belong to the page where it is read, right and left where fields are chosen from.
  const arrows = list ? { ArrowDown: "j", ArrowUp: "k" } : { ArrowRight: "j", ArrowLeft: "k" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (help && help.open)) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) return;
    const key = arrows[event.key] || event.key;
    if (key === "?" && help) {
      event.preventDefault();
      help.showModal();
    } else if (Object.hasOwn(keys, key)) {
      event.preventDefault();
      keys[key]();
    }
  });
  if (location.hash === "#question") document.getElementById("question")?.focus();
})();
