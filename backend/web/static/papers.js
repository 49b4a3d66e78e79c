// Photographs of papers: laid flat and made small on the phone, kept there until they have arrived,
// sent in pieces so that a lost connection costs one piece and not a page.
"use strict";

// Whatever changes the draft names the version that it changes. On a slow line two changes would
// meet and the later one be refused: so they go one after another, and handing in goes last.
const Draft = (() => {
  let last = Promise.resolve();
  const coming = new Set();
  return {
    inTurn: (work) => (last = last.then(work, work)),
    // Papers that are being made ready or sent.
    coming: (work) => { coming.add(work); work.finally(() => coming.delete(work)); },
    waits: () => coming.size > 0,
    arrived: async () => { while (coming.size) await Promise.allSettled(coming); },
  };
})();

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
        const change = db.transaction("waiting", mode);
        const asked = work(change.objectStore("waiting"));
        // Kept is what the browser has written, not what it has taken note of.
        change.oncomplete = () => done(asked.result);
        change.onabort = () => done(null);
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

  // Until everything of this one has arrived, or is not wanted; then the list of papers is new.
  const sendOnce = async (paper, tell) => {
    const query = new URLSearchParams({ digest: paper.digest, size: paper.blob.size, kind: paper.kind, name: paper.name });
    const asking = await asked(`${address}/pieces?${query}`);
    if (!asking.ok) { await shelf.drop(paper.id); return; }
    const told = await asking.json();
    const here = new Set(told.held);
    // All there and no answer seen: the last one once more brings it.
    const missing = [...Array(told.pieces).keys()].filter((position) => !here.has(position));
    for (const position of missing.length ? missing : [told.pieces - 1]) {
      const body = paper.blob.slice(position * told.bytes, (position + 1) * told.bytes);
      const ended = await Draft.inTurn(async () => {
        const answer = await asked(`${address}/pieces?${query}&position=${position}`, { method: "POST", body });
        const more = answer.ok && answer.headers.get("content-type").includes("json");
        if (more) return false;
        const list = answer.ok && await answer.text();
        await shelf.drop(paper.id);
        if (list) show(list);
        return true;
      });
      if (ended) return;
      here.add(position);
      tell(Math.round((100 * here.size) / told.pieces));
    }
    throw new Error("not all of it arrived");
  };

  const show = (html) => {
    const list = document.getElementById("papers-list");
    list.outerHTML = html;
    htmx.process(document.getElementById("papers-list"));
  };

  let sending = false;
  const sendAll = () => { if (!sending) Draft.coming(sendEach()); };
  const sendEach = async () => {
    sending = true;
    try {
      for (;;) {
        const waiting = await shelf.all();
        if (!waiting.length) { say(""); return; }
        const [paper] = waiting;
        const head = waiting.length > 1 ? `${paper.name}（${state.dataset.left.replace("{n}", waiting.length)}）` : paper.name;
        try {
          say(`${head} ${state.dataset.sending}`);
          await sendOnce(paper, (percent) => say(`${head} ${state.dataset.sending} ${percent}%`));
        } catch {
          say(state.dataset.waiting);
          await wait(AGAIN_MS);
        }
      }
    } finally { sending = false; }
  };

  const pageName = async () => {
    const waiting = (await shelf.all()).filter((paper) => paper.kind === "page").length;
    const there = document.querySelectorAll("#papers-list li[data-kind=page]").length;
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
    Draft.coming(take(files, input.dataset.kind, input.dataset.name));
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
      opener.disabled = true;
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: "environment" }, width: { ideal: 3840 }, height: { ideal: 2160 } } });
      } catch { say(opener.dataset.refused); return; } finally { opener.disabled = false; }
      shots = [];
      tell();
      view.srcObject = stream;
      camera.showModal();
      view.play();
    });
    camera.querySelector("[data-shot]").addEventListener("click", () => {
      if (!view.videoWidth) return;
      const sheet = Object.assign(document.createElement("canvas"), { width: view.videoWidth, height: view.videoHeight });
      sheet.getContext("2d").drawImage(view, 0, 0);
      shots.push(new Promise((done) => { sheet.toBlob((blob) => done(new File([blob], "page.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92); }));
      tell();
    });
    // A slow phone is still writing the last picture when its owner is done.
    camera.querySelector("[data-done]").addEventListener("click", () => {
      shut();
      Draft.coming(Promise.all(shots).then((files) => take(files, "page", "")));
    });
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
  const tell = (text) => { if (said()) said().textContent = text; };
  const off = () => { keep(); tell(box.dataset.offline); };
  const PATIENCE_MS = 10000;
  let sent = null;
  let handing = null;
  let passing = false;
  let saving = false;

  // Left by a page whose last save may have arrived after this page was made, with a newer version.
  const kept = localStorage.getItem(key);
  let unsure = Boolean(kept);
  if (kept) {
    for (const [name, value] of Object.entries(JSON.parse(kept))) {
      const field = form.elements[name];
      if (field && field.value !== value) field.value = value;
    }
    keep();
    addEventListener("load", () => htmx.trigger(form, "change"));
  }
  form.addEventListener("input", keep);

  // Handed in is what the page shows: after the papers that are on their way, and the last save.
  const refused = () => document.querySelector("#papers-list [role=alert]");
  const handIn = async (button) => {
    const before = refused();
    if (Draft.waits()) tell(box.dataset.handing);
    await Draft.arrived();
    if (unsure) {
      saving = true;
      htmx.ajax("POST", form.getAttribute("action"), { source: form, swap: "none" });
      saving = false;
    }
    await Draft.inTurn(() => {});
    // A form takes no second submit while it is still telling of the first.
    await new Promise((done) => { setTimeout(done); });
    if (refused() && refused() !== before) { tell(""); handing = null; return; }
    passing = true;
    form.requestSubmit(button);
    passing = false;
    setTimeout(() => { handing = null; }, PATIENCE_MS);
  };
  form.addEventListener("submit", (event) => {
    if (passing) return;
    event.preventDefault();
    event.stopPropagation();
    if (!navigator.onLine) { off(); return; }
    if (handing) return;
    handing = event.submitter ?? form.querySelector("button");
    handIn(handing);
  }, true);
  addEventListener("pageshow", (event) => { if (event.persisted) handing = null; });

  document.body.addEventListener("htmx:confirm", (event) => {
    const one = event.target;
    const { etc, issueRequest } = event.detail;
    if (one !== form && !one.closest("#papers")) return;
    event.preventDefault();
    if (one === form && handing && !saving) return;
    Draft.inTurn(async () => {
      // Meanwhile the list of papers may be a new one.
      const now = one.isConnected ? one : document.querySelector(`#papers form[action="${one.getAttribute("action")}"]`);
      if (now !== one) { if (now) htmx.trigger(now, "submit"); return; }
      etc.returnPromise = true;
      await Promise.resolve(issueRequest(true)).catch(() => {});
    });
  });
  // A save is never the handing in, though its button was touched last.
  document.body.addEventListener("htmx:configRequest", (event) => { if (event.target === form) event.detail.formData.delete("then"); });
  document.body.addEventListener("htmx:beforeSend", (event) => {
    if (event.target === form) sent = JSON.stringify(fields());
  });
  document.body.addEventListener("htmx:sendError", (event) => { if (event.target === form) off(); });
  // What was written while a save was on its way is not in it.
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== form || !event.detail.successful || event.detail.xhr.responseText.includes('"wrong"')) return;
    unsure = false;
    if (localStorage.getItem(key) === sent) localStorage.removeItem(key);
  });
  addEventListener("offline", off);
  addEventListener("online", () => htmx.trigger(form, "change"));
})();
