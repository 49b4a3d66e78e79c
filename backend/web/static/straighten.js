// Finds the sheet of paper on a photograph, lets a finger mend its corners, and lays it flat.
"use strict";
const Straighten = (() => {
  const LOOK = 320;       // the search goes on a picture this long
  const SOURCE = 2800;    // what is laid flat is taken from one this long: memory of a cheap phone
  const LONGEST = 2200;   // long side of the result: small print stays readable
  const A4 = Math.SQRT2;
  const ENOUGH = 900 * 1024;

  const canvasOf = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
  const between = (p, q) => Math.hypot(p.x - q.x, p.y - q.y);
  const cross = (o, a, b) => (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
  const area = (points) => Math.abs(points.reduce((sum, p, i) => {
    const q = points[(i + 1) % points.length];
    return sum + p.x * q.y - q.x * p.y;
  }, 0)) / 2;

  // Paper is bright in all three colours; a table, a hand and most floors are dark in one.
  const darkest = ({ data, width, height }) => {
    const found = new Uint8Array(width * height);
    for (let i = 0, j = 0; i < found.length; i += 1, j += 4) found[i] = Math.min(data[j], data[j + 1], data[j + 2]);
    return found;
  };

  // Otsu's threshold: the two groups differ most from each other.
  const threshold = (values) => {
    const count = new Float64Array(256);
    for (const value of values) count[value] += 1;
    let all = 0;
    for (let i = 0; i < 256; i += 1) all += i * count[i];
    let best = 0; let at = 128; let below = 0; let sum = 0;
    for (let i = 0; i < 256; i += 1) {
      below += count[i]; sum += i * count[i];
      const above = values.length - below;
      if (!below || !above) continue;
      const apart = sum / below - (all - sum) / above;
      if (below * above * apart * apart > best) { best = below * above * apart * apart; at = i; }
    }
    return at;
  };

  // The largest connected bright patch: its size, and the ends of its rows.
  const patch = (values, width, height, limit) => {
    const seen = new Uint8Array(values.length);
    const stack = new Int32Array(values.length);
    let best = null;
    for (let start = 0; start < values.length; start += 1) {
      if (seen[start] || values[start] <= limit) continue;
      const left = new Int32Array(height).fill(width); const right = new Int32Array(height).fill(-1);
      let size = 0; let top = 0;
      stack[top++] = start; seen[start] = 1;
      while (top) {
        const at = stack[--top]; const x = at % width; const y = (at - x) / width;
        size += 1;
        if (x < left[y]) left[y] = x;
        if (x > right[y]) right[y] = x;
        for (const next of [x > 0 ? at - 1 : at, x < width - 1 ? at + 1 : at, at - width, at + width]) {
          if (next >= 0 && next < values.length && !seen[next] && values[next] > limit) { seen[next] = 1; stack[top++] = next; }
        }
      }
      if (!best || size > best.size) best = { size, left, right };
    }
    return best;
  };

  const hull = (points) => {
    const sorted = [...points].sort((p, q) => p.x - q.x || p.y - q.y);
    const half = (list) => {
      const found = [];
      for (const p of list) {
        while (found.length > 1 && cross(found[found.length - 2], found[found.length - 1], p) <= 0) found.pop();
        found.push(p);
      }
      return found.slice(0, -1);
    };
    return [...half(sorted), ...half(sorted.reverse())];
  };

  const meet = (a, b, c, d) => {
    const low = (a.x - b.x) * (c.y - d.y) - (a.y - b.y) * (c.x - d.x);
    if (Math.abs(low) < 1e-6) return null;
    const p = a.x * b.y - a.y * b.x; const q = c.x * d.y - c.y * d.x;
    return { x: (p * (c.x - d.x) - (a.x - b.x) * q) / low, y: (p * (c.y - d.y) - (a.y - b.y) * q) / low };
  };

  // Takes away the side whose neighbours, made longer, add least, until four are left.
  const four = (outline) => {
    const points = [...outline];
    while (points.length > 4) {
      let best = null;
      for (let i = 0; i < points.length; i += 1) {
        const n = points.length;
        const [a, b, c, d] = [points[(i + n - 1) % n], points[i], points[(i + 1) % n], points[(i + 2) % n]];
        const corner = meet(a, b, c, d);
        if (!corner || cross(b, c, corner) >= 0) continue;
        const added = area([b, corner, c]);
        if (!best || added < best.added) best = { i, corner, added };
      }
      if (!best) return null;
      const after = (best.i + 1) % points.length;
      points[best.i] = best.corner;
      points.splice(after, 1);
    }
    return points.length === 4 ? points : null;
  };

  // From the top left on, clockwise.
  const inOrder = (points) => {
    const x = points.reduce((sum, p) => sum + p.x, 0) / 4; const y = points.reduce((sum, p) => sum + p.y, 0) / 4;
    const round = [...points].sort((p, q) => Math.atan2(p.y - y, p.x - x) - Math.atan2(q.y - y, q.x - x));
    const first = round.reduce((best, p, i) => (p.x + p.y < round[best].x + round[best].y ? i : best), 0);
    return [...round.slice(first), ...round.slice(0, first)];
  };

  const upright = (quad) => quad.every((p, i) => {
    const before = quad[(i + 3) % 4]; const after = quad[(i + 1) % 4];
    const turn = Math.acos(Math.max(-1, Math.min(1, ((before.x - p.x) * (after.x - p.x) + (before.y - p.y) * (after.y - p.y)) / (between(before, p) * between(after, p) || 1))));
    return turn > 0.8 && turn < 2.35;
  });

  // A hair inwards, so that no table shows beside the paper.
  const inset = (quad) => {
    const x = quad.reduce((sum, p) => sum + p.x, 0) / 4; const y = quad.reduce((sum, p) => sum + p.y, 0) / 4;
    return quad.map((p) => ({ x: p.x + (x - p.x) * 0.008, y: p.y + (y - p.y) * 0.008 }));
  };

  // A true edge is brighter inside than outside along most of every side that the picture holds.
  const edged = (values, width, height, quad, apart) => quad.every((p, i) => {
    const q = quad[(i + 1) % 4]; const long = between(p, q) || 1;
    const out = { x: (q.y - p.y) / long, y: (p.x - q.x) / long };
    let seen = 0; let good = 0;
    for (let step = 1; step < 24; step += 1) {
      const x = p.x + ((q.x - p.x) * step) / 24; const y = p.y + ((q.y - p.y) * step) / 24;
      const outer = [Math.round(x + 4 * out.x), Math.round(y + 4 * out.y)]; const inner = [Math.round(x - 4 * out.x), Math.round(y - 4 * out.y)];
      if ([outer, inner].some(([a, b]) => a < 0 || b < 0 || a >= width || b >= height)) continue;
      seen += 1;
      if (values[inner[1] * width + inner[0]] - values[outer[1] * width + outer[0]] > apart) good += 1;
    }
    return good >= 0.7 * seen;
  });

  // What is bright, against the light that falls on it: a plane through the bright places is taken
  // away, so that paper stands out from a table that is nearly white and lit from one side.
  const evenly = (values, width, height, limit) => {
    const s = { n: 0, x: 0, y: 0, v: 0, xx: 0, xy: 0, yy: 0, xv: 0, yv: 0 };
    for (let i = 0; i < values.length; i += 1) {
      if (values[i] <= limit) continue;
      const x = i % width; const y = (i - x) / width; const v = values[i];
      s.n += 1; s.x += x; s.y += y; s.v += v; s.xx += x * x; s.xy += x * y; s.yy += y * y; s.xv += x * v; s.yv += y * v;
    }
    const xx = s.xx - s.x * s.x / s.n; const xy = s.xy - s.x * s.y / s.n; const yy = s.yy - s.y * s.y / s.n;
    const xv = s.xv - s.x * s.v / s.n; const yv = s.yv - s.y * s.v / s.n; const low = xx * yy - xy * xy;
    if (!(low > 0)) return null;
    const across = (xv * yy - yv * xy) / low; const down = (yv * xx - xv * xy) / low;
    const flat = new Uint8Array(values.length); const bright = [];
    for (let i = 0; i < values.length; i += 1) {
      if (values[i] <= limit) continue;
      const x = i % width; const y = (i - x) / width;
      flat[i] = Math.min(255, (200 * values[i]) / Math.max(1, (s.v - across * s.x - down * s.y) / s.n + across * x + down * y));
      bright.push(flat[i]);
    }
    return { values: flat, limit: threshold(bright) };
  };

  // The corners of the sheet as fractions; `fills`: the sheet is the whole picture; null: not found.
  const find = (picture) => {
    const { width, height } = picture;
    const values = darkest(picture);
    const limit = threshold(values);
    const found = sheet(values, width, height, limit);
    if (found && found.quad) return found;
    const lit = evenly(values, width, height, limit);
    const again = lit && sheet(lit.values, width, height, lit.limit, 0.6, 7);
    return again && again.quad ? again : found;
  };

  // `full`: how much of its corners' area is bright at least; `apart`: how much its edges stand out.
  const sheet = (values, width, height, limit, full = 0.75, apart = 12) => {
    const found = patch(values, width, height, limit);
    if (!found || found.size < 0.12 * width * height) return null;
    const ends = [];
    for (let y = 0; y < height; y += 1) {
      if (found.right[y] >= 0) ends.push({ x: found.left[y], y }, { x: found.right[y] + 1, y }, { x: found.left[y], y: y + 1 }, { x: found.right[y] + 1, y: y + 1 });
    }
    const outline = hull(ends);
    if (area(outline) > 0.94 * width * height) return { fills: true, quad: null };
    const quad = four(outline);
    if (!quad) return null;
    const corners = inOrder(quad).map((p) => ({ x: Math.min(1, Math.max(0, p.x / width)), y: Math.min(1, Math.max(0, p.y / height)) }));
    const seen = corners.map((p) => ({ x: p.x * width, y: p.y * height }));
    const good = found.size > full * area(seen) && upright(seen) && edged(values, width, height, seen, apart) && seen.every((p, i) => between(p, seen[(i + 1) % 4]) > 0.2 * Math.min(width, height));
    return good ? { fills: false, quad: inset(corners) } : null;
  };

  // Heckbert's square-to-quadrilateral mapping.
  const mapping = ([a, b, c, d]) => {
    const sx = a.x - b.x + c.x - d.x; const sy = a.y - b.y + c.y - d.y;
    const dx1 = b.x - c.x; const dx2 = d.x - c.x; const dy1 = b.y - c.y; const dy2 = d.y - c.y;
    const low = dx1 * dy2 - dx2 * dy1;
    const g = (sx * dy2 - dx2 * sy) / low; const h = (dx1 * sy - sx * dy1) / low;
    return { a: b.x - a.x + g * b.x, b: d.x - a.x + h * d.x, c: a.x, d: b.y - a.y + g * b.y, e: d.y - a.y + h * d.y, f: a.y, g, h };
  };

  const rest = () => new Promise((done) => { setTimeout(done, 0); });

  // Lays the sheet flat, a strip at a time so that the page stays alive.
  const flatten = async (source, quad, progress = () => {}) => {
    const from = quad.map((p) => ({ x: p.x * (source.width - 1), y: p.y * (source.height - 1) }));
    let width = Math.max(between(from[0], from[1]), between(from[3], from[2]));
    let height = Math.max(between(from[0], from[3]), between(from[1], from[2]));
    const ratio = Math.max(width, height) / Math.min(width, height);
    if (Math.abs(ratio / A4 - 1) < 0.12) { if (height > width) height = width * A4; else width = height * A4; }
    const scale = Math.min(1, LONGEST / Math.max(width, height));
    const out = canvasOf(Math.max(8, Math.round(width * scale)), Math.max(8, Math.round(height * scale)));
    const pen = out.getContext("2d");
    const { data, width: wide, height: high } = source.getContext("2d").getImageData(0, 0, source.width, source.height);
    const m = mapping(from);
    const STRIP = 128;
    for (let top = 0; top < out.height; top += STRIP) {
      const rows = Math.min(STRIP, out.height - top);
      const strip = pen.createImageData(out.width, rows);
      let at = 0;
      for (let y = top; y < top + rows; y += 1) {
        const v = (y + 0.5) / out.height;
        for (let x = 0; x < out.width; x += 1, at += 4) {
          const u = (x + 0.5) / out.width;
          const w = m.g * u + m.h * v + 1;
          const px = Math.min(wide - 1.001, Math.max(0, (m.a * u + m.b * v + m.c) / w));
          const py = Math.min(high - 1.001, Math.max(0, (m.d * u + m.e * v + m.f) / w));
          const x0 = px | 0; const y0 = py | 0; const fx = px - x0; const fy = py - y0;
          const one = (y0 * wide + x0) * 4; const two = one + wide * 4;
          for (let k = 0; k < 3; k += 1) {
            const upper = data[one + k] * (1 - fx) + data[one + 4 + k] * fx;
            const lower = data[two + k] * (1 - fx) + data[two + 4 + k] * fx;
            strip.data[at + k] = upper * (1 - fy) + lower * fy;
          }
          strip.data[at + 3] = 255;
        }
      }
      pen.putImageData(strip, 0, top);
      progress(Math.round((100 * (top + rows)) / out.height));
      await rest();
    }
    return out;
  };

  const read = async (file, longest = SOURCE) => {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
    const canvas = canvasOf(Math.round(picture.width * scale), Math.round(picture.height * scale));
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return canvas;
  };

  const smaller = (canvas, longest) => {
    const scale = Math.min(1, longest / Math.max(canvas.width, canvas.height));
    const made = canvasOf(Math.max(1, Math.round(canvas.width * scale)), Math.max(1, Math.round(canvas.height * scale)));
    const pen = made.getContext("2d", { willReadFrequently: true });
    pen.imageSmoothingQuality = "high";
    pen.drawImage(canvas, 0, 0, made.width, made.height);
    return made;
  };

  // As small as it gets while print stays readable.
  const packed = async (canvas) => {
    for (const quality of [0.84, 0.76, 0.68]) {
      const blob = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", quality); });
      if (blob && (blob.size <= ENOUGH || quality === 0.68)) return blob;
    }
    return null;
  };

  const look = (canvas) => {
    const small = smaller(canvas, LOOK);
    return find(small.getContext("2d").getImageData(0, 0, small.width, small.height));
  };

  const turned = (canvas) => {
    const made = canvasOf(canvas.height, canvas.width);
    const pen = made.getContext("2d", { willReadFrequently: true });
    pen.translate(made.width, 0);
    pen.rotate(Math.PI / 2);
    pen.drawImage(canvas, 0, 0);
    return made;
  };

  // Asks the person: resolves to what is to be sent (JPEG), or null when they take it again.
  const ask = (source, first) => new Promise((done) => {
    const box = document.getElementById("straighten");
    const frame = box.querySelector(".straighten-box");
    const sheet = frame.querySelector("canvas");
    const corners = [...frame.querySelectorAll(".corner")];
    const hint = box.querySelector(".hint");
    const around = () => [{ x: 0.03, y: 0.03 }, { x: 0.97, y: 0.03 }, { x: 0.97, y: 0.97 }, { x: 0.03, y: 0.97 }];
    let quad = first?.quad ?? around();
    let ended = false;
    const say = (found) => { hint.textContent = found ? hint.dataset.found : hint.dataset.notFound; };

    const draw = () => {
      const pen = sheet.getContext("2d");
      pen.drawImage(source, 0, 0, sheet.width, sheet.height);
      pen.fillStyle = "rgb(0 0 0 / .45)";
      pen.beginPath();
      pen.rect(0, 0, sheet.width, sheet.height);
      quad.forEach((p, i) => pen[i ? "lineTo" : "moveTo"](p.x * sheet.width, p.y * sheet.height));
      pen.closePath();
      pen.fill("evenodd");
      pen.lineWidth = 3;
      pen.strokeStyle = "#ffd54a";
      pen.stroke();
      corners.forEach((one, i) => { one.style.left = `${quad[i].x * 100}%`; one.style.top = `${quad[i].y * 100}%`; });
    };
    const lay = () => {
      const scale = Math.min(1, 900 / Math.max(source.width, source.height));
      sheet.width = Math.round(source.width * scale);
      sheet.height = Math.round(source.height * scale);
      draw();
    };
    const put = (i, x, y) => { quad[i] = { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) }; draw(); };
    corners.forEach((one, i) => {
      one.onpointerdown = (event) => { one.setPointerCapture(event.pointerId); event.preventDefault(); };
      one.onpointermove = (event) => {
        if (!one.hasPointerCapture(event.pointerId)) return;
        const place = sheet.getBoundingClientRect();
        put(i, (event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height);
      };
      one.onkeydown = (event) => {
        const step = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, -0.01], ArrowDown: [0, 0.01] }[event.key];
        if (step) { put(i, quad[i].x + step[0], quad[i].y + step[1]); event.preventDefault(); }
      };
    });
    const end = (result) => { if (!ended) { ended = true; box.close(); done(result); } };
    const does = {
      use: async () => {
        hint.textContent = hint.dataset.working;
        const flat = await flatten(source, quad, (percent) => { hint.textContent = `${hint.dataset.working} ${percent}%`; });
        end(await packed(flat));
      },
      turn: () => { source = turned(source); const found = look(source); quad = found?.quad ?? around(); say(found?.quad); lay(); },
      plain: async () => end(await packed(smaller(source, LONGEST))),
      cancel: () => end(null),
    };
    box.onclick = (event) => {
      const button = event.target.closest("button[data-do]");
      if (!button || box.dataset.busy) return;
      box.dataset.busy = "yes";
      Promise.resolve(does[button.dataset.do]()).finally(() => { delete box.dataset.busy; });
    };
    box.oncancel = () => end(null);
    say(first?.quad);
    lay();
    box.showModal();
  });

  // A photograph, ready to be sent; a PDF, or what the browser cannot read, goes as it is.
  const ready = async (file) => {
    if (!/^image\//.test(file.type)) return file;
    const source = await read(file).catch(() => null);
    if (!source) return file;
    const found = look(source);
    if (!found?.fills) return ask(source, found);
    const small = await packed(smaller(source, LONGEST));
    const larger = Math.max(source.width, source.height) > LONGEST;
    return small && (larger || small.size < file.size) ? small : file;
  };

  return { ready, find, flatten, read };
})();
