// A grid or list of any length: only what is in sight exists.
import { h } from "/static/dom.js";

const BEYOND = 600; // px above and below that are ready before they are seen

export class Virtual {
  // cell(index) -> element; columns(width) -> how many beside each other; height(columnWidth) -> px
  constructor({ cell, columns = () => 1, height, gap = 0, props = {} }) {
    Object.assign(this, { cell, columns, height, gap, length: 0, cells: new Map() });
    this.inner = h("div", { class: "inner" });
    this.root = h("div", { class: "virtual", tabindex: "0", ...props }, this.inner);
    this.root.addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.reset()).observe(this.root);
  }

  show(length, { keep = true } = {}) {
    this.length = length;
    if (!keep) this.root.scrollTop = 0;
    this.reset();
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  reset() {
    const width = this.root.clientWidth - 2 * this.gap;
    if (width <= 0) return;
    this.across = Math.max(1, this.columns(width));
    this.wide = (width - this.gap * (this.across - 1)) / this.across;
    this.high = this.height(this.wide) + this.gap;
    this.inner.style.height = `${Math.ceil(this.length / this.across) * this.high + this.gap}px`;
    this.inner.replaceChildren();
    this.cells.clear();
    this.draw();
  }

  draw() {
    if (!this.across) return;
    const top = this.root.scrollTop - BEYOND, bottom = this.root.scrollTop + this.root.clientHeight + BEYOND;
    const first = Math.max(0, Math.floor(top / this.high)) * this.across;
    const last = Math.min(this.length, Math.ceil(bottom / this.high) * this.across);
    for (const [index, element] of this.cells) if (index < first || index >= last) { element.remove(); this.cells.delete(index); }
    for (let index = first; index < last; index++) if (!this.cells.has(index)) this.place(index);
  }

  place(index) {
    const element = this.cell(index), row = Math.floor(index / this.across), column = index % this.across;
    element.style.position = "absolute";
    element.style.width = `${this.wide}px`;
    element.style.height = `${this.high - this.gap}px`;
    element.style.transform = `translate(${this.gap + column * (this.wide + this.gap)}px, ${this.gap + row * this.high}px)`;
    this.cells.set(index, element);
    this.inner.append(element);
  }

  again(index) { // one cell anew
    const old = this.cells.get(index);
    if (!old) return;
    const focused = old.contains(document.activeElement);
    old.remove();
    this.cells.delete(index);
    this.place(index);
    if (focused) this.root.focus({ preventScroll: true });
  }

  reveal(index) {
    if (!this.across) return;
    const top = Math.floor(index / this.across) * this.high, view = this.root;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + this.high > view.scrollTop + view.clientHeight) view.scrollTop = top + this.high + this.gap - view.clientHeight;
    this.draw();
  }
}
