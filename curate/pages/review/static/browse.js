// Everything there is, as a grid: filters, search, selection, and each picture large.
import { button, count, fill, h, name, safe, thumb } from "/static/dom.js";
import { Panel, costs } from "/static/panel.js";
import { Stage } from "/static/stage.js";
import { decide, emit, groupOf, on, pic, relation, set, ui, whatIf } from "/static/state.js";
import { change } from "/static/api.js";
import { Virtual } from "/static/virtual.js";

const poor = (p) => Object.entries(p.checks).some(([check, value]) => value.finding && !check.startsWith("caption"));
const FILTERS = {
  kept: ["Kept", (p) => p.kept], out: ["Left out", (p) => !p.kept], copies: ["Copies", (p) => groupOf(p.id) && groupOf(p.id).kind !== "lookalike"],
  alike: ["Look-alikes", (p) => groupOf(p.id)?.kind === "lookalike"], poor: ["Poor", poor], bare: ["No caption", (p) => !(p.caption || "").trim()],
  view: ["View unknown", (p) => p.views?.yaw_deg === undefined || p.views?.yaw_deg === null], yours: ["Decided", (p) => p.yours.keep !== null || p.yours.keeper || p.yours.caption || p.yours.view],
};
const SORTS = { name: "name", worth: "worth, least first", size: "pixels, fewest first", kind: "format" };
const ORDERS = { worth: (a, b) => a.weight - b.weight, size: (a, b) => a.width * a.height - b.width * b.height, kind: (a, b) => a.format.localeCompare(b.format) };

export function filtered() {
  const words = ui.search.toLowerCase().split(/\s+/).filter(Boolean);
  const tests = [...ui.filters].map((key) => FILTERS[key][1]);
  const found = set.order.map(pic).filter((p) =>
    tests.every((test) => test(p)) && (!words.length || words.every((word) => (p.caption || "").toLowerCase().includes(word) || p.path.toLowerCase().includes(word))));
  return ui.sort === "name" ? found : found.sort(ORDERS[ui.sort]);
}

export class Browse {
  constructor() {
    this.at = 0;
    this.pictures = [];
    this.size = 180; // px wide, at least
    this.grid = new Virtual({
      cell: (i) => this.cell(i), columns: (w) => Math.max(2, Math.floor(w / this.size)), height: (w) => Math.round(w * 1.06) + 26, gap: 10,
      props: { role: "listbox", "aria-multiselectable": "true", "aria-label": "Pictures" },
    });
    this.search = h("input", { type: "search", placeholder: "Search captions and names", "aria-label": "Search captions and names", oninput: (e) => { ui.search = e.target.value; this.refresh(false); } });
    this.chips = h("div", { class: "chips", role: "group", "aria-label": "Filters" });
    this.tally = h("span", { class: "quiet tally", role: "status" });
    this.order = h("select", { "aria-label": "Order", onchange: (e) => { ui.sort = e.target.value; this.refresh(false); } }, Object.entries(SORTS).map(([key, label]) => h("option", { value: key }, label)));
    this.scale = h("input", { type: "range", min: "90", max: "420", value: String(this.size), "aria-label": "Size of the pictures", oninput: (e) => { this.size = Number(e.target.value); this.grid.reset(); } });
    this.tools = h("div", { class: "tools" }, this.search, this.chips, h("span", { class: "space" }), this.tally, this.order, this.scale);
    this.chosen = h("div", { class: "chosen", hidden: true });
    this.stage = new Stage({ onswipe: (way) => this.move(way) });
    this.bar = h("div", { class: "bar" });
    this.loupe = h("div", { class: "loupe", hidden: true }, this.stage.root, this.bar);
    this.panel = new Panel();
    this.root = h("div", { class: "browse" }, h("div", { class: "gridside" }, this.tools, this.grid.root, this.loupe, this.chosen), this.panel.root);
    on("change", (news) => this.changed(news));
    this.keys = {
      ArrowRight: () => this.move(1), ArrowLeft: () => this.move(-1), j: () => this.move(1),
      ArrowDown: () => this.move(this.large ? 1 : this.grid.across), ArrowUp: () => this.move(this.large ? -1 : -this.grid.across),
      "Shift+ArrowRight": () => this.extend(1), "Shift+ArrowLeft": () => this.extend(-1), "Shift+ArrowDown": () => this.extend(this.grid.across), "Shift+ArrowUp": () => this.extend(-this.grid.across),
      Home: () => this.jump(0), End: () => this.jump(this.pictures.length - 1), PageDown: () => this.move(this.grid.across * 3), PageUp: () => this.move(-this.grid.across * 3),
      Enter: () => this.open(!this.large), Escape: () => this.escape(), " ": () => this.select(this.at), a: () => this.selectAll(),
      k: () => this.act("keep", "kept"), x: () => this.act("leave_out", "left out"), m: () => this.keeper(), d: () => this.different(),
      c: () => this.panel.edit(), v: () => this.panel.openView(), z: () => { this.open(true); this.stage.toggle(); },
      b: () => { this.open(true); if (!this.stage.blink()) emit("toast", "Nothing to blink: it is no copy of another."); }, s: () => this.large && this.stage.side(), o: () => this.stage.outline(),
      "+": () => this.closer(1.5), "=": () => this.closer(1.5), "-": () => this.closer(1 / 1.5), "0": () => this.large && this.stage.zoomTo(1),
    };
  }

  shown() { this.search.value = ui.search; this.refresh(); this.grid.root.focus({ preventScroll: true }); }

  refresh(keep = true) {
    const before = this.pictures[this.at]?.id;
    this.pictures = filtered();
    const at = this.pictures.findIndex((p) => p.id === (ui.active && keep ? ui.active : before));
    this.at = Math.max(0, at);
    ui.active = this.pictures[this.at]?.id || null;
    fill(this.chips, Object.entries(FILTERS).map(([key, [label]]) => h("button", { type: "button", class: "chip", "aria-pressed": String(ui.filters.has(key)), onclick: () => this.toggle(key) }, label)));
    fill(this.tally, this.pictures.length === set.order.length ? count(set.order.length, "picture") : `${this.pictures.length.toLocaleString("en")} of ${count(set.order.length, "picture")}`);
    this.grid.show(this.pictures.length, { keep });
    if (!this.pictures.length) this.grid.inner.append(h("p", { class: "nothing" }, "No picture fits these filters."));
    this.drawChosen();
    this.drawActive();
  }

  toggle(key) {
    if (ui.filters.has(key)) ui.filters.delete(key);
    else ui.filters.add(key);
    this.refresh(false);
  }

  cell(i) {
    const p = this.pictures[i], now = i === this.at, out = !p.kept;
    const badges = [
      out ? h("span", { class: "badge out" }, p.yours.keep === false ? "left out" : "copy") : null,
      p.yours.keep === true ? h("span", { class: "badge yes" }, "kept") : null,
      poor(p) ? h("span", { class: "badge warn", title: safe(Object.values(p.checks).find((c) => c.finding)?.finding) }, "!") : null,
      !(p.caption || "").trim() ? h("span", { class: "badge" }, "no caption") : null,
    ];
    return h("div", {
      class: `cell${now ? " now" : ""}${ui.selected.has(p.id) ? " selected" : ""}${out ? " absent" : ""}`, role: "option", id: `cell-${i}`, "aria-selected": String(ui.selected.has(p.id)), "aria-label": `${safe(p.path, 100)}${out ? ", left out" : ""}`,
      onclick: (e) => this.click(i, e), ondblclick: () => { this.jump(i); this.open(true); },
    }, h("div", { class: "photo" }, thumb(p), h("span", { class: "badges" }, badges), h("span", { class: "pick", "aria-hidden": "true", onclick: (e) => { e.stopPropagation(); this.select(i); } }, "✓")), h("div", { class: "under" }, name(p.path.split("/").pop(), 40)));
  }

  click(i, event) {
    if (event.shiftKey) {
      const [from, to] = [Math.min(this.at, i), Math.max(this.at, i)];
      for (let n = from; n <= to; n++) ui.selected.add(this.pictures[n].id);
      this.jump(i);
      this.grid.reset();
      this.drawChosen();
    } else if (event.ctrlKey || event.metaKey) this.select(i);
    else if (matchMedia("(pointer: coarse)").matches && this.at === i) { this.jump(i); this.open(true); }
    else this.jump(i);
  }

  jump(i) {
    if (i < 0 || i >= this.pictures.length) return;
    const before = this.at;
    this.at = i;
    ui.active = this.pictures[i].id;
    this.grid.again(before);
    this.grid.again(i);
    this.grid.reveal(i);
    this.grid.root.setAttribute("aria-activedescendant", `cell-${i}`);
    this.drawActive();
  }

  move(by) { this.jump(Math.min(this.pictures.length - 1, Math.max(0, this.at + by))); }
  extend(by) { ui.selected.add(this.pictures[this.at].id); this.move(by); ui.selected.add(this.pictures[this.at].id); this.grid.reset(); this.drawChosen(); }
  select(i) {
    const id = this.pictures[i]?.id;
    if (!id) return;
    if (!ui.selected.delete(id)) ui.selected.add(id);
    this.jump(i);
    this.drawChosen();
  }
  selectAll() {
    const all = this.pictures.every((p) => ui.selected.has(p.id));
    for (const p of this.pictures) if (all) ui.selected.delete(p.id); else ui.selected.add(p.id);
    this.grid.reset();
    this.drawChosen();
  }
  escape() { if (this.large) this.open(false); else if (ui.selected.size) { ui.selected.clear(); this.grid.reset(); this.drawChosen(); } else if (ui.search || ui.filters.size) { ui.search = this.search.value = ""; ui.filters.clear(); this.refresh(); } }
  closer(by) { if (this.large) this.stage.zoomTo(this.stage.look.zoom * by); else { this.size = Math.min(420, Math.max(90, this.size * by)); this.scale.value = String(this.size); this.grid.reset(); this.grid.reveal(this.at); } }

  targets() { return ui.selected.size && !this.large ? [...ui.selected] : ui.active ? [ui.active] : []; }
  act(kind, told) {
    const ids = this.targets();
    if (!ids.length) return;
    decide(ids.map((id) => ({ kind, id })), ids.length > 1 ? `${count(ids.length, "picture")} ${told}` : told);
    if (ids.length === 1 && !ui.selected.size) this.move(1);
  }
  keeper() {
    const found = relation(ui.active);
    if (!found || found.group.kind === "lookalike") return void emit("toast", "Only copies have a keeper.");
    decide([{ kind: "keeper", id: ui.active }], "is the keeper now");
  }
  different() {
    const found = relation(ui.active);
    if (!found?.member || found.group.kind === "lookalike") return void emit("toast", "It is no copy of another.");
    if (found.keeper.digest === pic(ui.active).digest) return void emit("toast", "These two files hold the same bytes.");
    decide([{ kind: "not_a_copy", id: found.keeper.id, other: ui.active }], "not a copy: never asked again");
  }
  async undecide() {
    const ids = this.targets();
    try { await change("/api/undecide", { ids }); emit("toast", `${count(ids.length, "picture")} undecided`); } catch (error) { emit("problem", error.message); }
  }

  open(large) {
    if (!this.pictures.length) return;
    this.large = large;
    this.root.classList.toggle("large", large);
    if (!large) this.root.scrollTop = 0;
    this.loupe.hidden = !large;
    this.grid.root.hidden = this.tools.hidden = large;
    if (large) this.drawActive();
    else { this.grid.reset(); this.grid.reveal(this.at); this.grid.root.focus({ preventScroll: true }); }
  }

  drawActive() {
    if (ui.view !== "browse") return;
    const p = pic(ui.active);
    if (p) this.panel.show(p.id);
    else { this.panel.id = null; this.panel.render(); }
    if (!this.large || !p) return;
    const found = relation(p.id);
    const member = found?.member;
    this.stage.sideBySide = false;
    this.stage.show(member ? { pic: found.keeper, label: [h("b", {}, safe(found.keeper.path, 60)), " ★ keeper"], tone: "keeper", beside: { pic: p, label: [safe(p.path, 60), p.kept ? "" : h("i", {}, " left out")], tone: p.kept ? "kept" : "out", map: member.map || (member.kind === "identical" ? [1, 0, 0, 0, 1, 0] : null), changed: member.changed } } : { pic: p, label: [safe(p.path, 60), p.kept ? "" : h("i", {}, " left out")], tone: p.kept ? "kept" : "out" });
    const copy = found && found.group.kind !== "lookalike";
    fill(this.bar, button("Grid", "Esc", () => this.open(false)), button("Keep", "K", () => this.act("keep", "kept"), { class: "keep" }), button("Leave out", "X", () => this.act("leave_out", "left out"), { class: "out" }),
      copy ? button("Make keeper", "M", () => this.keeper()) : null, copy && member ? button("Not a copy", "D", () => this.different()) : null, h("span", { class: "space" }),
      member ? button("Blink", "B", () => this.keys.b(), { class: "look" }) : null, member ? button("Both", "S", () => this.stage.side(), { class: "look" }) : null, button("Pixels", "Z", () => this.stage.toggle(), { class: "look" }),
      button("‹", "", () => this.move(-1), { "aria-label": "Previous" }), button("›", "", () => this.move(1), { "aria-label": "Next" }));
    this.stage.prefetch([this.at + 1, this.at + 2, this.at - 1].map((i) => this.pictures[i]).filter(Boolean));
  }

  async drawChosen() {
    const ids = [...ui.selected];
    this.chosen.hidden = !ids.length;
    if (!ids.length) return;
    const cost = h("span", { class: "quiet" });
    fill(this.chosen, h("b", {}, `${ids.length.toLocaleString("en")} selected`), cost, h("span", { class: "space" }),
      button("Keep", "K", () => this.act("keep", "kept")), button("Leave out", "X", () => this.act("leave_out", "left out")), button("Undecide", "", () => this.undecide()),
      button("Captions", "T", () => emit("view", "captions")), button("Clear", "Esc", () => { ui.selected.clear(); this.grid.reset(); this.drawChosen(); }));
    const found = await whatIf(ids.filter((id) => pic(id).kept), 200);
    if (found) fill(cost, costs(ids.length, found.cost));
  }

  changed(news) {
    if (ui.view !== "browse" || !this.root.isConnected) return;
    for (const p of news.pictures) {
      const i = this.pictures.findIndex((q) => q.id === p.id);
      if (i >= 0) this.grid.again(i);
    }
    if (news.pictures.length) { if (!this.panel.editing) this.panel.show(ui.active); this.drawActive(); this.drawChosen(); }
  }
}

