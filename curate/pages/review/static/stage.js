// The big picture: one, two side by side, or two laid over each other by the map that proved them one photograph.
import { calm, fill, h, narrow, safe } from "/static/dom.js";

const SCREEN = 1600; // px: the size below which actual pixels need the full picture
const BLINK = 650; // ms that each of the two is seen
const FARTHEST = 1, CLOSEST = 32;

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

// [xx, xy, x0, yx, yy, y0], shares of the keeper -> shares of the other; and back
export const carry = (m, u, v) => (m ? [m[0] * u + m[1] * v + m[2], m[3] * u + m[4] * v + m[5]] : [u, v]);
export function inverse(m) {
  const d = m[0] * m[4] - m[1] * m[3];
  const a = m[4] / d, b = -m[1] / d, c = -m[3] / d, e = m[0] / d;
  return [a, b, -(a * m[2] + b * m[5]), c, e, -(c * m[2] + e * m[5])];
}
// the CSS matrix that lays the other picture, drawn w x h px, onto the keeper, drawn as large
export function cssMatrix(m, w, h_) {
  const [xx, xy, x0, yx, yy, y0] = inverse(m);
  return `matrix(${xx}, ${(yx * h_) / w}, ${(xy * w) / h_}, ${yy}, ${x0 * w}, ${y0 * h_})`;
}

class Pane {
  constructor(stage) {
    this.stage = stage;
    this.low = h("img", { class: "low", alt: "", draggable: false });
    this.high = h("img", { class: "high", alt: "", draggable: false, decoding: "async" });
    this.over = h("img", { class: "over", alt: "", draggable: false, hidden: true });
    this.outline = h("div", { class: "outline", hidden: true });
    this.sheet = h("div", { class: "sheet" }, this.low, this.high, this.over, this.outline);
    this.label = h("div", { class: "label" });
    this.gone = h("p", { class: "gone", hidden: true }, "This file is gone or was changed since the scan.");
    this.frame = h("div", { class: "pane" }, this.sheet, this.label, this.gone);
    this.high.addEventListener("load", () => this.high.classList.add("there"));
    this.high.addEventListener("error", () => { if (this.pic) this.gone.hidden = this.sheet.hidden = false; });
  }

  set(pic, { label = "", tone = "", map = null, over = null, changed = null } = {}) {
    if (this.pic?.id !== pic.id) {
      this.pic = pic;
      this.gone.hidden = true;
      this.high.classList.remove("there");
      this.low.src = `/picture/thumb/${pic.digest}`;
      this.load("screen");
      this.high.alt = safe(pic.path, 200);
    }
    this.map = map;
    this.laid = over;
    fill(this.label, label);
    this.label.dataset.tone = tone;
    this.label.hidden = !label;
    this.over.hidden = !over;
    if (over) this.over.src = `/picture/screen/${over.pic.digest}`;
    this.outline.hidden = !changed;
    if (changed)
      for (const [side, value] of [["left", changed.left], ["top", changed.top], ["width", changed.right - changed.left], ["height", changed.bottom - changed.top]])
        this.outline.style[side] = `${100 * value}%`;
    this.layout();
  }

  load(size) {
    const wanted = `/picture/${size}/${this.pic.digest}`;
    if (this.high.getAttribute("src") !== wanted) this.high.src = wanted;
    else if (this.high.complete && this.high.naturalWidth) this.high.classList.add("there"); // another file of the same bytes
  }

  fit() {
    const { clientWidth: W, clientHeight: H } = this.frame;
    const scale = Math.min((W - 16) / this.pic.width, (H - 16) / this.pic.height);
    return { W, H, w: Math.max(1, this.pic.width * scale), h: Math.max(1, this.pic.height * scale) };
  }

  layout() {
    if (!this.pic || !this.frame.isConnected) return;
    const { W, H, w, h: high } = this.fit();
    const { zoom, u, v } = this.stage.look;
    const [mu, mv] = carry(this.map, u, v);
    const center = (share, size, room) => (size * zoom <= room ? (room - size * zoom) / 2 : clamp(room / 2 - share * size * zoom, room - size * zoom, 0));
    this.sheet.style.width = `${w}px`;
    this.sheet.style.height = `${high}px`;
    this.sheet.style.transform = `translate(${center(mu, w, W)}px, ${center(mv, high, H)}px) scale(${zoom})`;
    this.outline.style.setProperty("--line", `${2 / zoom}px`);
    if (this.laid) this.over.style.transform = this.laid.map ? cssMatrix(this.laid.map, w, high) : "none";
    this.high.classList.toggle("pixels", zoom > 1 && (w * zoom) / this.pic.width > 1.5 / devicePixelRatio);
    if (zoom > 1.2 && Math.max(this.pic.width, this.pic.height) > SCREEN) this.load("full");
  }
}

export class Stage {
  constructor({ onswipe = () => {} } = {}) {
    this.look = { zoom: 1, u: 0.5, v: 0.5 };
    this.sideBySide = !narrow();
    this.blinking = false;
    this.outlined = true;
    this.onswipe = onswipe;
    this.panes = [new Pane(this), new Pane(this)];
    this.note = h("p", { class: "mode", role: "status" });
    this.root = h("section", { class: "stage", "aria-label": "Picture" }, this.panes[0].frame, this.panes[1].frame, this.note);
    this.subject = null;
    new ResizeObserver(() => this.layout()).observe(this.root);
    this.root.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.root.addEventListener("dblclick", (event) => this.toggle(event));
    this.pointers = new Map();
    for (const [kind, action] of [["pointerdown", "down"], ["pointermove", "move"], ["pointerup", "up"], ["pointercancel", "up"]])
      this.root.addEventListener(kind, (event) => this[action](event));
  }

  // subject: {pic, label, tone} alone, or with `beside`: {pic, label, tone, map, changed}, the other of a pair
  show(subject) {
    const before = this.subject;
    this.subject = subject;
    if (!before || before.pic.id !== subject.pic.id || before.beside?.pic.id !== subject.beside?.pic.id) {
      this.look = { zoom: 1, u: 0.5, v: 0.5 };
      if (!subject.beside) this.stopBlink();
    }
    this.render();
  }

  render() {
    const { pic, label, tone, beside } = this.subject;
    const [one, two] = this.panes;
    const blink = Boolean(beside) && this.blinking;
    const pair = Boolean(beside) && this.sideBySide && !blink;
    this.root.classList.toggle("pair", pair);
    this.root.classList.toggle("blink", blink);
    two.frame.hidden = !pair;
    const changed = this.outlined ? beside?.changed : null;
    if (blink) one.set(pic, { label, tone, over: beside, changed });
    else if (pair) {
      one.set(pic, { label, tone, changed });
      two.set(beside.pic, { label: beside.label, tone: beside.tone, map: beside.map, changed: changed && carried(changed, beside.map) });
    } else if (beside) one.set(beside.pic, { label: beside.label, tone: beside.tone, changed: changed && carried(changed, beside.map) });
    else one.set(pic, { label, tone });
    this.note.textContent = blink ? "" : this.look.zoom > 1 ? `${Math.round(100 * this.pixelScale())} %` : "";
    if (blink) this.flip(this.flipped);
    this.layout();
  }

  layout() {
    for (const pane of this.panes) if (!pane.frame.hidden) pane.layout();
  }

  prefetch(pics) {
    for (const pic of pics) new Image().src = `/picture/screen/${pic.digest}`;
  }

  pixelScale() {
    const pane = this.panes[0];
    return (pane.fit().w * this.look.zoom * devicePixelRatio) / pane.pic.width;
  }

  zoomTo(zoom, u = this.look.u, v = this.look.v) {
    this.look = { zoom: clamp(zoom, FARTHEST, CLOSEST), u: clamp(u, 0, 1), v: clamp(v, 0, 1) };
    this.render();
  }

  toggle(event) {
    if (this.look.zoom > 1) return this.zoomTo(1, 0.5, 0.5);
    const pane = this.panes[0];
    const actual = pane.pic.width / (pane.fit().w * devicePixelRatio);
    const [u, v] = event ? this.shares(event) : [0.5, 0.4];
    return this.zoomTo(actual > 1.15 ? actual : 2.5, u, v);
  }

  // where in the first picture an event happened, in shares of its sides
  shares(event) {
    const pane = this.panes.find((p) => !p.frame.hidden && p.frame.contains(event.target)) || this.panes[0];
    const box = pane.sheet.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return pane.map ? carry(inverse(pane.map), ...at) : at;
  }

  wheel(event) {
    event.preventDefault();
    const [u, v] = this.shares(event);
    const zoom = clamp(this.look.zoom * 1.0015 ** -event.deltaY, FARTHEST, CLOSEST);
    const share = this.look.zoom / zoom; // the point under the pointer stays there
    this.zoomTo(zoom, u + (this.look.u - u) * share, v + (this.look.v - v) * share);
  }

  down(event) {
    if (event.button) return;
    this.root.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    this.start = { x: event.clientX, y: event.clientY, zoom: this.look.zoom, apart: this.apart() };
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 2) {
      this.zoomTo(this.start.zoom * (this.apart() / (this.start.apart || this.apart())));
    } else if (this.look.zoom > 1) {
      const { w, h: high } = this.panes[0].fit();
      this.zoomTo(
        this.look.zoom,
        this.look.u - (event.clientX - before.clientX) / (w * this.look.zoom),
        this.look.v - (event.clientY - before.clientY) / (high * this.look.zoom),
      );
    }
  }

  up(event) {
    const alone = this.pointers.size === 1;
    this.pointers.delete(event.pointerId);
    if (!alone || event.pointerType === "mouse" || this.look.zoom > 1 || !this.start) return;
    const dx = event.clientX - this.start.x, dy = event.clientY - this.start.y;
    if (Math.abs(dx) > 60 && Math.abs(dx) > 2 * Math.abs(dy)) this.onswipe(dx < 0 ? 1 : -1);
  }

  apart() {
    const [a, b] = [...this.pointers.values()];
    return b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
  }

  blink() {
    if (!this.subject?.beside) return false;
    if (this.blinking && calm()) { this.flip(!this.flipped); return true; }
    if (this.blinking) this.stopBlink();
    else {
      this.blinking = true;
      this.flipped = true;
      if (!calm()) this.timer = setInterval(() => this.flip(!this.flipped), BLINK);
    }
    this.render();
    return true;
  }

  stopBlink() {
    clearInterval(this.timer);
    this.blinking = false;
  }

  flip(over) {
    this.flipped = over;
    const shown = over ? this.subject.beside : this.subject;
    this.panes[0].over.classList.toggle("shown", over);
    fill(this.panes[0].label, shown.label || "");
    this.panes[0].label.dataset.tone = shown.tone || "";
    this.panes[0].label.hidden = false;
  }

  outline() { this.outlined = !this.outlined; this.render(); }

  side() {
    if (!this.subject?.beside) return;
    this.stopBlink();
    this.sideBySide = !this.sideBySide;
    this.render();
  }
}

// a region of the keeper as the box of its corners in the other picture
function carried(region, map) {
  const corners = [[region.left, region.top], [region.right, region.top], [region.left, region.bottom], [region.right, region.bottom]].map(([u, v]) => carry(map, u, v));
  const xs = corners.map((c) => clamp(c[0], 0, 1)), ys = corners.map((c) => clamp(c[1], 0, 1));
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}
