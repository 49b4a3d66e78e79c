// Marks on a paper: boxes drawn with a finger or a mouse, or placed with the keyboard. Kept in
// thousandths of the page, as the server keeps them.
(() => {
  const form = document.getElementById("zones");
  if (!form) return;
  const sheets = [...document.querySelectorAll(".marked")];
  const said = form.querySelector("[data-said]");
  const draw = form.querySelector("[data-draw]");
  const drop = form.querySelector("[data-drop]");
  const LEAST = 15, STEP = 10, WHOLE = 1000;
  let zones = JSON.parse(form.dataset.marks);
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
    form.elements.zones.value = JSON.stringify(zones);
    said.textContent = form.dataset.count.replace("{n}", zones.length);
    if (focus < 0) choose(-1);
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
  show();
})();
