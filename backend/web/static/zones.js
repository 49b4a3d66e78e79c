// Marks on a paper: boxes drawn with a finger or a mouse, or placed with the keyboard, and the
// program's proposals, which a tap takes or leaves. Kept in thousandths of the page, as the server
// keeps them.
(() => {
  const form = document.getElementById("zones");
  if (!form) return;
  const sheets = [...document.querySelectorAll(".marked")];
  const said = form.querySelector("[data-said]");
  const draw = form.querySelector("[data-draw]");
  const drop = form.querySelector("[data-drop]");
  const LEAST = 15, STEP = 10, WHOLE = 1000, AGAIN_MS = 2000, TRIES = 90;
  let zones = JSON.parse(form.dataset.marks);
  let proposals = [];
  let chosen = -1;
  form.hidden = false;

  const clamp = (value, most) => Math.max(0, Math.min(Math.round(value), most));

  function fit(zone) {
    const [sheet, x, y, w, h] = zone;
    const width = Math.max(LEAST, clamp(w, WHOLE)), height = Math.max(LEAST, clamp(h, WHOLE));
    return [sheet, clamp(x, WHOLE - width), clamp(y, WHOLE - height), width, height];
  }

  function place(box, [, x, y, w, h]) {
    box.style.left = `${x / 10}%`;
    box.style.top = `${y / 10}%`;
    box.style.width = `${w / 10}%`;
    box.style.height = `${h / 10}%`;
  }

  function choose(index) {
    chosen = index;
    drop.disabled = index < 0;
    for (const box of document.querySelectorAll(".zone")) box.toggleAttribute("data-chosen", Number(box.dataset.index) === index);
  }

  function show(focus = -1) {
    for (const old of document.querySelectorAll(".zone")) old.remove();
    zones.forEach((zone, index) => {
      const box = document.createElement("button");
      box.type = "button";
      box.className = "zone";
      box.dataset.index = index;
      const nth = zones.slice(0, index + 1).filter((one) => one[0] === zone[0]).length;
      box.setAttribute("aria-label", form.dataset.name.replace("{sheet}", zone[0] + 1).replace("{n}", nth));
      place(box, zone);
      box.addEventListener("focus", () => choose(index));
      sheets[zone[0]]?.append(box);
      if (index === focus) box.focus({ preventScroll: false });
    });
    tell();
    if (focus < 0) choose(-1);
  }

  function tell() {
    const all = [...zones, ...proposals.filter((one) => one.taken).map((one) => one.row)];
    form.elements.zones.value = JSON.stringify(all);
    form.elements.settled.value = String(proposals.length > 0);
    said.textContent = form.dataset.count.replace("{n}", all.length);
  }

  // What was taken before is among the marks; who saw none of them yet takes all, as the program
  // does where nobody marks.
  function propose(places) {
    const settled = "settled" in form.dataset;
    proposals = places.map(({ row, name }) => {
      const at = zones.findIndex((zone) => zone.join() === row.join());
      if (at >= 0) zones.splice(at, 1);
      return { row, name, taken: at >= 0 || !settled };
    });
    for (const one of proposals) {
      const box = document.createElement("button");
      box.type = "button";
      box.className = "proposal";
      box.setAttribute("aria-pressed", String(one.taken));
      box.setAttribute("aria-label", form.dataset.proposal.replace("{sheet}", one.row[0] + 1).replace("{name}", one.name));
      const words = document.createElement("span");
      words.textContent = one.name;
      box.append(words);
      place(box, one.row);
      one.box = box;
      box.addEventListener("click", (event) => toggle(event.detail ? meant(one, event) : one));
      sheets[one.row[0]]?.append(box);
    }
    form.querySelector("[data-wait]").hidden = true;
    form.querySelector("[data-told]").hidden = !proposals.length;
    show();
  }

  function toggle(one) {
    one.taken = !one.taken;
    one.box.setAttribute("aria-pressed", String(one.taken));
    tell();
  }

  // Lines to sign stand close to each other: where boxes overlap, the one whose middle is nearest.
  function meant(hit, { clientX, clientY }) {
    const off = (one) => {
      const at = one.box.getBoundingClientRect();
      return Math.max(Math.abs(clientX - (at.left + at.right) / 2) / at.width, Math.abs(clientY - (at.top + at.bottom) / 2) / at.height);
    };
    const here = proposals.filter((one) => one.row[0] === hit.row[0]);
    return here.reduce((best, one) => (off(one) < off(best) ? one : best), hit);
  }

  // Nobody waits for it: the boxes come when the paper was read.
  async function ask() {
    for (let tries = 0; tries < TRIES; tries += 1) {
      await new Promise((done) => { setTimeout(done, AGAIN_MS); });
      try {
        const answer = await fetch(form.dataset.reading, { headers: { accept: "application/json" } });
        if (!answer.ok) break;
        const told = await answer.json();
        if (!told.reading) { propose(told.places); return; }
      } catch { /* no connection for the moment */ }
    }
    form.querySelector("[data-wait]").hidden = true;
  }

  function remove(index) {
    zones.splice(index, 1);
    show();
  }

  function change(index, zone) {
    zones[index] = fit(zone);
    show(index);
  }

  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.(".zone");
    if (!box) return;
    const index = Number(box.dataset.index), [sheet, x, y, w, h] = zones[index];
    const way = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (way) {
      event.preventDefault();
      const [across, down] = way;
      change(index, event.shiftKey ? [sheet, x, y, w + across, h + down] : [sheet, x + across, y + down, w, h]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      remove(index);
      form.querySelector("[data-add]").focus();
    }
  });

  form.querySelector("[data-add]").addEventListener("click", () => {
    const middle = window.innerHeight / 2;
    const far = (one) => { const at = one.getBoundingClientRect(); return Math.abs((at.top + at.bottom) / 2 - middle); };
    const sheet = sheets.reduce((best, one) => (far(one) < far(best) ? one : best), sheets[0]);
    zones.push(fit([Number(sheet.dataset.sheet), 550, 780, 330, 60]));
    show(zones.length - 1);
  });

  draw.addEventListener("click", () => {
    const on = draw.getAttribute("aria-pressed") !== "true";
    draw.setAttribute("aria-pressed", String(on));
    document.body.toggleAttribute("data-drawing", on);
  });

  // Tapping a button on the way there must not take the choice away.
  drop.addEventListener("click", () => { if (chosen >= 0) remove(chosen); });

  for (const page of sheets) {
    let from = null, rough = null, moved = null;
    const at = (event) => {
      const area = page.getBoundingClientRect();
      return [(event.clientX - area.left) / area.width * WHOLE, (event.clientY - area.top) / area.height * WHOLE];
    };
    page.addEventListener("pointerdown", (event) => {
      const box = event.target.closest(".zone");
      if (!box && !document.body.hasAttribute("data-drawing")) return;
      event.preventDefault();
      page.setPointerCapture(event.pointerId);
      from = at(event);
      if (box) {
        const index = Number(box.dataset.index);
        moved = { index, box, zone: zones[index] };
        box.focus({ preventScroll: true });
      } else {
        rough = document.createElement("span");
        rough.className = "zone";
        page.append(rough);
      }
    });
    page.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [x, y] = at(event);
      if (moved) {
        const [sheet, left, top, w, h] = moved.zone;
        place(moved.box, fit([sheet, left + x - from[0], top + y - from[1], w, h]));
      } else {
        place(rough, [0, Math.min(x, from[0]), Math.min(y, from[1]), Math.abs(x - from[0]), Math.abs(y - from[1])]);
      }
    });
    const end = (event) => {
      if (!from) return;
      const [x, y] = at(event), start = from;
      from = null;
      if (moved) {
        const { index, zone: [sheet, left, top, w, h] } = moved;
        moved = null;
        change(index, [sheet, left + x - start[0], top + y - start[1], w, h]);
      } else {
        rough.remove();
        const w = Math.abs(x - start[0]), h = Math.abs(y - start[1]);
        if (event.type === "pointerup" && w >= LEAST && h >= LEAST / 2) {
          zones.push(fit([Number(page.dataset.sheet), Math.min(x, start[0]), Math.min(y, start[1]), w, h]));
          show(zones.length - 1);
        }
      }
    };
    page.addEventListener("pointerup", end);
    page.addEventListener("pointercancel", end);
  }
  propose(JSON.parse(form.dataset.proposed));
  if (form.dataset.reading) {
    form.querySelector("[data-wait]").hidden = false;
    ask();
  }
})();
