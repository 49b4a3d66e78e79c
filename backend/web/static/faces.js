// The camera of this device: what it sees is looked at by the server now and then, in words; three
// good pictures make an enrolment. Nothing is kept here.
"use strict";
(() => {
  const WANTED = 3;
  const LONGEST = 960;
  const EACH_MS = 500;
  const box = document.getElementById("camera");
  if (!box) return;
  const part = (id) => document.getElementById(id);
  const video = part("video"), words = part("camera-words"), take = part("camera-take");
  const shots = [];
  let stream = null;
  let good = null;

  const grab = () => new Promise((done) => {
    const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(done, "image/jpeg", 0.9);
  });

  // A camera that stands still gives one picture thrice, which is none.
  const isNew = async (picture) => {
    const bytes = new Uint8Array(await picture.arrayBuffer());
    for (const one of shots) {
      const other = new Uint8Array(await one.arrayBuffer());
      if (other.length === bytes.length && other.every((value, at) => value === bytes[at])) return false;
    }
    return true;
  };

  const stop = () => {
    if (stream) for (const track of stream.getTracks()) track.stop();
    stream = null;
    part("viewfinder").hidden = true;
    take.hidden = true;
  };

  // One picture on its way at a time; the one that was found good is the one that is taken.
  const watch = async () => {
    while (stream && shots.length < WANTED) {
      const picture = await grab();
      if (picture) {
        const body = new FormData();
        body.append("picture", picture, "frame.jpg");
        try {
          const answer = await fetch(`${box.dataset.base}/look`, { method: "POST", body });
          if (answer.redirected) { location.reload(); return; }
          const said = await answer.json();
          // Asked after the answer: the same picture may have been taken while this one was away.
          good = said.good && await isNew(picture) ? picture : null;
          take.disabled = !good;
          box.dataset.state = good ? "good" : "bad";
          if (said.good) words.textContent = box.dataset.good;
          else if (said.words) words.textContent = said.words;
        } catch {
          good = null;
          take.disabled = true;
        }
      }
      await new Promise((done) => { setTimeout(done, EACH_MS); });
    }
  };

  const send = async () => {
    stop();
    words.textContent = box.dataset.sending;
    const body = new FormData();
    shots.forEach((one, place) => body.append("pictures", one, `${place + 1}.jpg`));
    const answer = await fetch(`${box.dataset.base}/pictures`, { method: "POST", body, headers: { Accept: "text/html" } });
    if (answer.redirected) { location.assign(answer.url); return; }
    // Refused: the answer is the page with the reasons.
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("main").replaceWith(page.getElementById("main"));
    location.hash = "main";
  };

  const start = part("camera-start");
  start.addEventListener("click", async () => {
    start.disabled = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } }, audio: false });
    } catch {
      words.textContent = box.dataset.denied;
      start.disabled = false;
      return;
    }
    video.srcObject = stream;
    await video.play();
    start.hidden = true;
    part("viewfinder").hidden = false;
    take.hidden = false;
    words.textContent = box.dataset.wait;
    watch();
  });

  take.addEventListener("click", () => {
    if (!good) return;
    shots.push(good);
    const picture = document.createElement("img");
    picture.alt = `${shots.length}`;
    picture.src = URL.createObjectURL(good);
    const item = document.createElement("li");
    item.append(picture);
    part("shots").append(item);
    good = null;
    take.disabled = true;
    part("camera-count").textContent = `${shots.length}/${WANTED}`;
    if (shots.length === WANTED) send();
  });

  start.disabled = false;
  addEventListener("pagehide", stop);
})();
