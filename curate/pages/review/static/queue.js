// What needs a person, one question after the other.
import { button, count, fill, h, number, safe, thumb } from "/static/dom.js";
import { Panel } from "/static/panel.js";
import { Stage } from "/static/stage.js";
import { byPath, decide, emit, isWhole, on, pic, set, ui } from "/static/state.js";
import { Virtual } from "/static/virtual.js";

const SORTS = {
  uncertain: "Uncertain copies", copies: "Copies", lookalikes: "Look-alikes", poor: "Poor pictures",
  no_caption: "Without caption", conflict: "Caption conflicts", view: "Uncertain views",
};

export class Queue {
  constructor() {
    this.answered = new Set();
    this.stage = new Stage({ onswipe: (way) => this.go(way) });
    this.panel = new Panel();
    this.panel.onsave = () => { if (this.task?.sort === "no_caption") this.captioned(); };
    this.list = new Virtual({ cell: (i) => this.row(this.items[i]), height: () => 60, props: { class: "virtual tasks", role: "group", "aria-label": "Questions" } });
    this.progress = h("progress", { max: 1, value: 0, "aria-label": "Questions answered" });
    this.tally = h("p", { class: "tally" });
    this.head = h("div", { class: "ask" });
    this.strip = h("div", { class: "strip", role: "group", "aria-label": "Pictures of this group" });
    this.bar = h("div", { class: "bar" });
    this.rail = h("nav", { class: "rail", "aria-label": "Queue" }, h("div", { class: "railhead" }, this.tally, this.progress), this.list.root);
    this.centre = h("div", { class: "centre" }, this.head, this.stage.root, this.strip, this.bar);
    this.root = h("div", { class: "queue" }, this.rail, this.centre, this.panel.root);
    on("change", (news) => this.changed(news));
    on("turned", (decisions) => this.turnedTo(decisions[0]));
    this.keys = {
      ArrowRight: () => this.go(1), j: () => this.go(1), ArrowLeft: () => this.go(-1),
      ArrowDown: () => this.pick(1), ArrowUp: () => this.pick(-1), Enter: () => this.accept(),
      k: () => this.keep(), x: () => this.out(), m: () => this.keeper(), d: () => this.different(),
      c: () => this.panel.edit(), v: () => this.panel.openView(),
      z: () => this.stage.toggle(), b: () => { if (!this.stage.blink()) emit("toast", "Nothing to blink: this picture stands alone."); this.draw(); },
      s: () => { this.stage.side(); this.draw(); }, o: () => this.stage.outline(), "0": () => this.stage.zoomTo(1),
      "+": () => this.stage.zoomTo(this.stage.look.zoom * 1.5), "=": () => this.stage.zoomTo(this.stage.look.zoom * 1.5), "-": () => this.stage.zoomTo(this.stage.look.zoom / 1.5),
      ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [String(n), () => this.choose(n - 1)])),
    };
  }

  get task() { return set.tasks.find((t) => t.key === ui.task) || null; }
  isDone(task) { return task.done || this.answered.has(task.key); }
  isGroup(task = this.task) { return Boolean(task) && task.ids.length > 1; }
  isStar(task = this.task) { return this.isGroup(task) && task.sort !== "no_caption"; } // one picture stands for the others

  shown() {
    if (!this.task) this.open(set.tasks.find((t) => !this.isDone(t)));
    this.draw();
  }

  open(task, active) {
    ui.task = task ? task.key : null;
    this.ids = task ? [...task.ids] : [];
    ui.active = task ? active || (this.isStar(task) ? task.ids[1] : task.ids[0]) : null;
    this.stage.stopBlink();
    this.draw();
    const at = set.tasks.indexOf(task);
    const ahead = set.tasks.slice(at + 1).filter((t) => !this.isDone(t)).slice(0, 3);
    this.stage.prefetch(ahead.flatMap((t) => t.ids.slice(0, 2)).map(pic));
  }

  go(way) {
    const at = set.tasks.findIndex((t) => t.key === ui.task);
    if (way < 0) return void (at > 0 && this.open(set.tasks[at - 1]));
    const open = (t) => !this.isDone(t);
    const next = at < 0 ? set.tasks.find(open) : set.tasks.slice(at + 1).find(open) || set.tasks.slice(0, at).find(open);
    const step = this.task && !this.isDone(this.task) && at + 1 < set.tasks.length ? set.tasks[at + 1] : null;
    this.open(step && open(step) ? step : next && next.key !== ui.task ? next : this.task && open(this.task) ? this.task : null);
  }

  pick(way) {
    const { task } = this;
    if (!this.isGroup()) return;
    const at = task.ids.indexOf(ui.active);
    this.choose((at + way + task.ids.length) % task.ids.length);
  }

  choose(n) {
    if (!this.task || n >= this.task.ids.length) return;
    ui.active = this.task.ids[n];
    this.draw();
  }

  // after a decision on one picture: the next of its group that is undecided, else the next question
  step() {
    const { task } = this;
    const rest = this.isGroup() ? task.ids.slice(this.isStar() ? 1 : 0).filter((id) => id !== ui.active && pic(id).yours.keep === null) : [];
    const at = task.ids.indexOf(ui.active);
    const next = rest.find((id) => task.ids.indexOf(id) > at) || rest[0];
    if (next) { ui.active = next; this.draw(); return; }
    this.answered.add(task.key);
    this.go(1);
  }

  captioned() {
    const rest = this.task.ids.filter((id) => id !== ui.active && !(pic(id).caption || "").trim() && pic(id).kept);
    const at = this.task.ids.indexOf(ui.active), next = rest.find((id) => this.task.ids.indexOf(id) > at) || rest[0];
    if (next) { ui.active = next; this.draw(); return; }
    this.answered.add(this.task.key);
    this.go(1);
  }

  keep() { this.act({ kind: "keep", id: ui.active }, "kept"); }
  out() { this.act({ kind: "leave_out", id: ui.active }, "left out"); }
  act(decision, told) {
    if (!this.task) return;
    decide([decision], told);
    this.step();
  }

  keeper() {
    if (!this.task) return;
    if (!["uncertain", "copies", "conflict"].includes(this.task.sort)) return void emit("toast", "Only copies have a keeper.");
    decide([{ kind: "keeper", id: ui.active }], "is the keeper now");
    this.answered.add(this.task.key);
    this.draw();
  }

  different() {
    const { task } = this;
    if (!task) return;
    if (!["uncertain", "copies", "conflict"].includes(task.sort)) return void emit("toast", "These count as different photographs already.");
    const other = ui.active === task.ids[0] ? task.ids[1] : ui.active;
    const p = pic(other);
    if (p.digest === pic(task.ids[0]).digest) return void emit("toast", "These two files hold the same bytes: leave one out, or keep both.");
    decide([{ kind: "not_a_copy", id: task.ids[0], other }], "not a copy: never asked again");
    p.kept = true;
    if (task.ids.length > 2) { this.pick(1); return; }
    this.answered.add(task.key);
    this.go(1);
  }

  accept() {
    const { task } = this;
    if (!task) return void emit("view", "plan");
    const [first] = task.ids, told = "accepted";
    if (task.sort === "uncertain" || task.sort === "copies") decide([{ kind: "keeper", id: first }], told);
    else if (task.sort === "lookalikes") decide(task.ids.filter((id) => pic(id).yours.keep === null).map((id) => ({ kind: "keep", id })), "all kept");
    else if (task.sort === "no_caption") return void this.panel.edit();
    else if (task.sort === "conflict") {
      if (!isWhole(pic(ui.active))) return;
      decide([{ kind: "caption", id: first, text: pic(ui.active).caption || "" }], "caption chosen");
    }
    else if (task.sort === "view") {
      const { yaw_deg = null, framing = null } = pic(first).views || {};
      if (yaw_deg === null && !framing) return void this.panel.openView();
      decide([{ kind: "view", id: first, view: { yaw_deg, framing } }], "view confirmed");
    } else decide([{ kind: "keep", id: first }], "kept");
    this.answered.add(task.key);
    this.go(1);
  }

  suggestion(task) {
    const who = safe(pic(task.ids[0]).path.split("/").pop(), 28);
    return {
      uncertain: `Keep ${who}, leave ${count(task.ids.length - 1, "copy", "copies")} out`,
      copies: `Keep ${who}, leave ${count(task.ids.length - 1, "copy", "copies")} out`,
      lookalikes: `Keep all ${task.ids.length}`, poor: "Keep it", no_caption: task.ids.length > 1 ? "Write its caption" : "Write a caption", conflict: "Use this caption", view: "That is right",
    }[task.sort];
  }

  changed(news) {
    for (const task of set.tasks) if (task.done) this.answered.add(task.key);
    if (ui.view !== "queue") return;
    if (news.tasks && ui.task && !this.task) {
      const family = set.tasks.find((t) => !this.isDone(t) && this.ids.some((id) => t.ids.includes(id)) && t.ids.length > 1);
      this.open(family || set.tasks.find((t) => !this.isDone(t)) || null, family?.ids.includes(ui.active) ? ui.active : undefined);
    } else this.draw();
  }

  turnedTo(decision) { // what was undone is shown
    const task = set.tasks.find((t) => t.ids.includes(decision.id));
    for (const t of set.tasks) if (t.ids.includes(decision.id)) this.answered.delete(t.key);
    if (ui.view === "queue" && task) this.open(task, task.ids.includes(decision.id) && task.ids[0] !== decision.id ? decision.id : undefined);
  }

  rows() {
    const items = [];
    let sort = null;
    for (const task of set.tasks) {
      if (task.sort !== sort) {
        sort = task.sort;
        const own = set.tasks.filter((t) => t.sort === sort);
        items.push({ heading: SORTS[sort], left: own.filter((t) => !this.isDone(t)).length, all: own.length });
      }
      items.push({ task });
    }
    return items;
  }

  row({ heading, left, all, task }) {
    if (heading) return h("div", { class: "heading" }, h("h2", {}, heading), h("span", {}, left ? String(left) : "done", left && left !== all ? ` of ${all}` : ""));
    const shown = task.ids.slice(0, 3).map((id) => thumb(pic(id)));
    return h("button", { type: "button", class: `task${task.key === ui.task ? " now" : ""}${this.isDone(task) ? " done" : ""}`, tabindex: "-1", "aria-current": task.key === ui.task ? "true" : null, onclick: () => this.open(task) },
      h("span", { class: "minis" }, shown), h("span", { class: "what" }, h("b", {}, safe(pic(task.ids[0]).path.split("/").pop(), 60)), h("span", {}, safe(task.title, 60))), h("span", { class: "tick", "aria-label": this.isDone(task) ? "done" : "" }, this.isDone(task) ? "✓" : ""));
  }

  drawRail() {
    this.items = this.rows();
    this.list.show(this.items.length);
    const at = this.items.findIndex((item) => item.task && item.task.key === ui.task);
    if (at >= 0) this.list.reveal(at);
    const gone = set.tasks.filter((t) => this.isDone(t) && !t.done).length;
    const done = Math.min(set.progress.done + gone, set.progress.all);
    this.progress.value = set.progress.all ? done / set.progress.all : 1;
    fill(this.tally, h("b", {}, String(done)), ` of ${set.progress.all} answered`);
  }

  draw() {
    if (ui.view !== "queue" || !this.root.isConnected) return;
    const { task } = this;
    this.drawRail();
    this.centre.classList.toggle("empty", !task);
    this.panel.root.hidden = !task;
    if (!task) return this.drawEnd();
    if (!task.ids.includes(ui.active)) ui.active = task.ids[this.isStar(task) ? 1 : 0];
    this.ids = [...task.ids];
    fill(this.head, h("div", {}, h("h1", {}, safe(task.title)), h("p", {}, safe(task.why, 300))), this.position(task));
    this.stage.show(this.subject(task));
    this.drawStrip(task);
    this.drawBar(task);
    if (this.panel.id !== ui.active || !this.panel.editing) this.panel.show(ui.active);
  }

  position(task) {
    const at = set.tasks.indexOf(task);
    return h("span", { class: "position" }, h("button", { type: "button", "aria-label": "Previous question", onclick: () => this.go(-1) }, "‹"), `${at + 1} / ${set.tasks.length}`, h("button", { type: "button", "aria-label": "Next question", onclick: () => this.go(1) }, "›"));
  }

  subject(task) {
    const first = pic(task.ids[0]), active = pic(ui.active);
    if (!this.isStar(task) || ui.active === task.ids[0]) return { pic: active, label: this.isStar(task) ? [h("b", {}, safe(first.path, 60)), task.sort === "lookalikes" ? "" : " ★ keeper"] : "", tone: "keeper" };
    const group = set.groups.find((g) => byPath(g.keeper) === first && g.members.some((m) => m.path === active.path));
    const member = group?.members.find((m) => m.path === active.path);
    const identity = member?.kind === "identical" ? [1, 0, 0, 0, 1, 0] : null;
    return {
      pic: first, label: [h("b", {}, safe(first.path, 60)), task.sort === "lookalikes" ? "" : " ★ keeper"], tone: "keeper",
      beside: { pic: active, label: [h("b", {}, safe(active.path, 60)), active.kept ? " " : h("i", {}, " left out "), safe(member?.edit || "", 200)], tone: active.kept ? "kept" : "out", map: member?.map || identity, changed: member?.changed },
    };
  }

  drawStrip(task) {
    this.strip.hidden = !this.isGroup(task);
    if (!this.isGroup(task)) return void fill(this.strip);
    const at = task.ids.indexOf(ui.active), from = Math.max(0, Math.min(at - 20, task.ids.length - 40)); // a window on very long ones
    fill(this.strip, task.ids.slice(from, from + 40).map((id, place) => {
      const n = from + place, p = pic(id);
      return h("button", { type: "button", class: `frame${id === ui.active ? " now" : ""}${p.kept ? "" : " absent"}`, "aria-pressed": String(id === ui.active), title: safe(p.path), onclick: () => this.choose(n) },
        thumb(p, { alt: safe(p.path, 100) }), h("span", { class: "n" }, n === 0 && this.isStar(task) && task.sort !== "lookalikes" ? "★" : String(n + 1)), p.yours.keep !== null ? h("span", { class: "mark" }, p.yours.keep ? "✓" : "✕") : null);
    }));
    this.strip.children[at - from]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  drawBar(task) {
    const copies = ["uncertain", "copies", "conflict"].includes(task.sort), group = this.isGroup(task), paired = this.isStar(task) && ui.active !== task.ids[0];
    fill(this.bar,
      button(this.suggestion(task), "Enter", () => this.accept(), { class: "main" }),
      button(group ? "Keep this" : "Keep", "K", () => this.keep(), { class: "keep" }), button(group ? (copies && !paired ? "Leave photograph out" : "Leave this out") : "Leave out", "X", () => this.out(), { class: "out" }),
      copies ? button("Make keeper", "M", () => this.keeper()) : null, copies ? button("Not a copy", "D", () => this.different()) : null,
      h("span", { class: "space" }),
      paired ? button("Blink", "B", () => { this.stage.blink(); this.drawBar(task); }, { "aria-pressed": String(this.stage.blinking), class: "look" }) : null,
      paired ? button(this.stage.sideBySide ? "One" : "Both", "S", () => { this.stage.side(); this.drawBar(task); }, { class: "look" }) : null,
      button("Pixels", "Z", () => this.stage.toggle(), { class: "look" }));
  }

  drawEnd() {
    const { effective_images: effective, measured, photographs } = set.diversity;
    fill(this.head);
    fill(this.strip);
    this.strip.hidden = true;
    fill(this.bar, h("div", { class: "end" }, h("h1", {}, set.progress.all ? "Every question is answered" : "Nothing here needs you"),
      h("p", {}, `The set holds ${measured ? `${number(effective)} effective images in ` : ""}${count(photographs, "photograph")}${measured ? "" : "; effective images were not measured"}. Look it over once more, or go on to the plan.`),
      h("div", { class: "row" }, button("Plan and export", "P", () => emit("view", "plan"), { class: "main" }), button("Browse all", "W", () => emit("view", "browse")))));
  }
}

