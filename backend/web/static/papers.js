// Photographs of papers: laid flat and made small on the phone, kept there until they have arrived,
// sent in pieces so that a lost connection costs one piece and not a page.
"use strict";
(() => {
  const box = document.getElementById("papers");
  if (!box) return;
  const address = box.dataset.address;
  const state = document.getElementById("papers-state");
  const AGAIN_MS = 3000;

  // What waits to be sent lives in the browser's own store: a closed page or an empty battery loses
  // nothing. A browser without one (private mode) keeps it in memory.
  const shelf = (() => {
    const memory = new Map();
    const opened = new Promise((done) => {
      try {
        const asked = indexedDB.open("zhiyin-papers", 1);
        asked.onupgradeneeded = () => asked.result.createObjectStore("waiting", { keyPath: "id" });
        asked.onsuccess = () => done(asked.result);
        asked.onerror = () => done(null);
      } catch { done(null); }
    });
    const within = async (mode, work) => {
      const db = await opened;
      if (!db) return null;
      return new Promise((done) => {
        const asked = work(db.transaction("waiting", mode).objectStore("waiting"));
        asked.onsuccess = () => done(asked.result);
        asked.onerror = () => done(null);
      });
    };
    return {
      put: async (paper) => { if ((await within("readwrite", (store) => store.put(paper))) === null) memory.set(paper.id, paper); },
      drop: async (id) => { memory.delete(id); await within("readwrite", (store) => store.delete(id)); },
      all: async () => {
        const kept = (await within("readonly", (store) => store.getAll())) ?? [];
        return [...kept, ...memory.values()].filter((paper) => paper.address === address).sort((a, b) => a.at - b.at);
      },
    };
  })();

  const digestOf = async (blob) => {
    const found = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
    return [...new Uint8Array(found)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  const wait = (ms) => new Promise((done) => { setTimeout(done, ms); addEventListener("online", done, { once: true }); });
  const say = (text) => { state.textContent = text; };

  const asked = async (where, options) => {
    const answer = await fetch(where, { ...options, headers: { "HX-Request": "true", Accept: "text/html, application/json" } });
    if (answer.redirected && answer.url.includes("/sign-in")) { location.reload(); throw new Error("signed out"); }
    if (answer.status >= 500 || answer.status === 429) throw new Error(`server ${answer.status}`);
    return answer;
  };

  // The list of papers anew, when everything of this one has arrived.
  const sendOnce = async (paper, tell) => {
    const query = new URLSearchParams({ digest: paper.digest, size: paper.blob.size, kind: paper.kind, name: paper.name });
    const asking = await asked(`${address}/pieces?${query}`);
    if (!asking.ok) return { gone: true };
    const told = await asking.json();
    const here = new Set(told.held);
    // All there and no answer seen: the last one once more brings it.
    const missing = [...Array(told.pieces).keys()].filter((position) => !here.has(position));
    for (const position of missing.length ? missing : [told.pieces - 1]) {
      const body = paper.blob.slice(position * told.bytes, (position + 1) * told.bytes);
      const answer = await asked(`${address}/pieces?${query}&position=${position}`, { method: "POST", body });
      here.add(position);
      tell(Math.round((100 * here.size) / told.pieces));
      if (!answer.ok) return { gone: true };
      if (!answer.headers.get("content-type").includes("json")) return { list: await answer.text() };
    }
    throw new Error("not all of it arrived");
  };

  const show = (html) => {
    const list = document.getElementById("papers-list");
    list.outerHTML = html;
    htmx.process(document.getElementById("papers-list"));
  };

  let sending = false;
  const sendAll = async () => {
    if (sending) return;
    sending = true;
    try {
      for (;;) {
        const waiting = await shelf.all();
        if (!waiting.length) { say(""); return; }
        const [paper] = waiting;
        const head = waiting.length > 1 ? `${paper.name}（${state.dataset.left.replace("{n}", waiting.length)}）` : paper.name;
        try {
          say(`${head} ${state.dataset.sending}`);
          const done = await sendOnce(paper, (percent) => say(`${head} ${state.dataset.sending} ${percent}%`));
          await shelf.drop(paper.id);
          if (done.list) show(done.list);
        } catch {
          say(state.dataset.waiting);
          await wait(AGAIN_MS);
        }
      }
    } finally { sending = false; }
  };

  const pageName = async () => {
    const there = document.querySelectorAll("#papers-list li[data-kind=page]").length;
    const waiting = (await shelf.all()).filter((paper) => paper.kind === "page").length;
    return box.dataset.pageName.replace("{n}", there + waiting + 1);
  };

  const take = async (files, kind, name) => {
    for (const [place, file] of files.entries()) {
      say(files.length > 1 ? `${place + 1}/${files.length}` : "");
      const blob = await Straighten.ready(file);
      if (!blob) continue;
      const photograph = /^image\//.test(file.type);
      await shelf.put({
        id: crypto.randomUUID(), address, kind, blob, at: Date.now(), digest: await digestOf(blob),
        name: name || (photograph && kind === "page" ? await pageName() : file.name),
      });
      sendAll();
    }
    sendAll();
  };

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches("input[type=file][data-kind]") || !input.files.length) return;
    const files = [...input.files];
    input.value = "";
    take(files, input.dataset.kind, input.dataset.name);
  });

  // Several pages in a row by the camera itself, where the browser gives it to us.
  const camera = document.getElementById("camera");
  const opener = document.getElementById("camera-open");
  if (camera && opener && navigator.mediaDevices?.getUserMedia) {
    const view = camera.querySelector("video");
    const count = camera.querySelector("[data-count]");
    let stream = null; let shots = [];
    const tell = () => { count.textContent = count.dataset.count.replace("{n}", shots.length); };
    const shut = () => { stream?.getTracks().forEach((track) => track.stop()); stream = null; camera.close(); };
    opener.hidden = false;
    opener.addEventListener("click", async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: "environment" }, width: { ideal: 3840 }, height: { ideal: 2160 } } });
      } catch { say(opener.dataset.refused); return; }
      shots = [];
      tell();
      view.srcObject = stream;
      camera.showModal();
      view.play();
    });
    camera.querySelector("[data-shot]").addEventListener("click", async () => {
      if (!view.videoWidth) return;
      const sheet = Object.assign(document.createElement("canvas"), { width: view.videoWidth, height: view.videoHeight });
      sheet.getContext("2d").drawImage(view, 0, 0);
      const blob = await new Promise((done) => { sheet.toBlob(done, "image/jpeg", 0.92); });
      shots.push(new File([blob], "page.jpg", { type: "image/jpeg" }));
      tell();
    });
    camera.querySelector("[data-done]").addEventListener("click", () => { shut(); take(shots, "page", ""); });
    camera.addEventListener("cancel", shut);
  }

  sendAll();
})();

// The form keeps itself: on the server while there is a connection, on the phone while there is none.
(() => {
  const form = document.getElementById("application");
  if (!form) return;
  const key = `draft:${form.getAttribute("action")}`;
  const fields = () => Object.fromEntries([...new FormData(form)].filter(([name]) => name !== "version" && name !== "then"));
  const said = () => document.getElementById("saved");
  const box = document.getElementById("papers");
  const keep = () => { try { localStorage.setItem(key, JSON.stringify(fields())); } catch { /* no room: the server has it soon */ } };
  const off = () => { keep(); if (said()) said().textContent = box.dataset.offline; };

  const kept = localStorage.getItem(key);
  if (kept) {
    for (const [name, value] of Object.entries(JSON.parse(kept))) {
      const field = form.elements[name];
      if (field && field.value !== value) field.value = value;
    }
    addEventListener("load", () => htmx.trigger(form, "change"));
  }
  form.addEventListener("input", keep);
  form.addEventListener("submit", (event) => {
    if (!navigator.onLine) { event.preventDefault(); event.stopPropagation(); off(); }
  }, true);
  document.body.addEventListener("htmx:sendError", (event) => { if (event.target === form) off(); });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.target === form && event.detail.successful && !event.detail.xhr.responseText.includes('"wrong"')) localStorage.removeItem(key);
  });
  addEventListener("offline", off);
  addEventListener("online", () => htmx.trigger(form, "change"));
})();
