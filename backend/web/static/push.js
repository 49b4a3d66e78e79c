// Push messages for this browser: switched on and off by its owner.
"use strict";
(() => {
  const box = document.getElementById("push");
  const on = box.querySelector("[data-on]");
  const off = box.querySelector("[data-off]");
  const hint = box.querySelector(".hint");
  const ANSWER_MS = 15000;

  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !window.Notification) {
    box.hidden = true;
    return;
  }
  // Without a way to its push service a browser never answers.
  const within = (promise) => Promise.race([
    promise,
    new Promise((_, failed) => { setTimeout(() => failed(new Error("no answer")), ANSWER_MS); }),
  ]);
  const tell = (address, fields) => fetch(address, { method: "POST", body: new URLSearchParams(fields) });
  const key = () => Uint8Array.from(atob(box.dataset.key.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

  const show = async () => {
    const worker = await navigator.serviceWorker.ready;
    const listens = await worker.pushManager.getSubscription();
    on.hidden = Boolean(listens);
    off.hidden = !listens;
  };
  on.addEventListener("click", async () => {
    if (await Notification.requestPermission() !== "granted") { hint.textContent = box.dataset.refused; return; }
    hint.textContent = box.dataset.working;
    on.disabled = true;
    try {
      const worker = await navigator.serviceWorker.ready;
      const made = (await within(worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key() }))).toJSON();
      const answer = await tell("/inbox/push", { endpoint: made.endpoint, p256dh: made.keys.p256dh, auth: made.keys.auth });
      if (!answer.ok) throw new Error(answer.status);
      location.assign("/inbox/preferences?sent=saved");
    } catch {
      hint.textContent = box.dataset.noService;
      on.disabled = false;
    }
  });
  off.addEventListener("click", async () => {
    const worker = await navigator.serviceWorker.ready;
    const listens = await worker.pushManager.getSubscription();
    if (listens) {
      await tell("/inbox/push/off", { endpoint: listens.endpoint });
      await listens.unsubscribe();
    }
    location.assign("/inbox/preferences?sent=saved");
  });
  show();
})();
