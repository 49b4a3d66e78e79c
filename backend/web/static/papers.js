// Photographs of papers: made small on the phone, sent one by one, tried again when the line drops.
"use strict";
(() => {
  const LONGEST = 2200;
  const QUALITY = 0.82;
  const AGAIN_MS = 3000;

  const shrink = async (file) => {
    if (!/^image\//.test(file.type)) return file;
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
    if (!picture) return file;
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const small = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", QUALITY); });
    return small && (small.size < file.size || scale < 1) ? small : file;
  };

  const send = (address, body, progress) => new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("HX-Request", "true");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(Math.round((100 * event.loaded) / event.total));
    };
    request.onload = () => (request.status < 500 ? done(request) : failed(new Error("server")));
    request.onerror = () => failed(new Error("network"));
    request.send(body);
  });

  const wait = (ms) => new Promise((done) => { setTimeout(done, ms); addEventListener("online", done, { once: true }); });

  const take = async (input) => {
    const box = document.getElementById("papers");
    const state = document.getElementById("papers-state");
    const address = box.dataset.address;
    const { kind, name } = input.dataset;
    const files = [...input.files];
    input.value = "";
    for (const [place, file] of files.entries()) {
      const small = await shrink(file);
      const head = files.length > 1 ? `${place + 1}/${files.length} ` : "";
      for (;;) {
        const body = new FormData();
        body.append("kind", kind);
        body.append("name", name || file.name);
        body.append("file", small, file.name);
        try {
          const answer = await send(address, body, (percent) => { state.textContent = `${head}${state.dataset.sending} ${percent}%`; });
          if (answer.responseURL.includes("/sign-in")) { location.reload(); return; }
          const list = document.getElementById("papers-list");
          list.outerHTML = answer.responseText;
          htmx.process(document.getElementById("papers-list"));
          break;
        } catch {
          state.textContent = state.dataset.waiting;
          await wait(AGAIN_MS);
        }
      }
    }
    state.textContent = "";
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("input[type=file][data-kind]") && event.target.files.length) take(event.target);
  });
})();
