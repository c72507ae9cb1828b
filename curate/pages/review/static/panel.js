// The details of one picture: what it is, how it stands to others, its caption and view, and what can be done with it.
import { button, count, fill, h, kbd, marked, name, number, safe } from "/static/dom.js";
import { decide, isWhole, pic, relation, set, whatIf } from "/static/state.js";

const COMPASS = [["↖", -135, "rear left"], ["↑", 180, "back"], ["↗", 135, "rear right"], ["←", -90, "left side"], ["•", null, ""], ["→", 90, "right side"], ["↙", -45, "front left"], ["↓", 0, "front"], ["↘", 45, "front right"]];
export const FRAMINGS = { close_up: "close-up", upper_body: "upper body", three_quarter: "three-quarter", full_body: "full body" };
export const direction = (yaw) => (yaw === null || yaw === undefined ? null : COMPASS.filter((c) => c[1] !== null).reduce((best, c) => (turn(c[1], yaw) < turn(best[1], yaw) ? c : best))[2]);
const turn = (a, b) => Math.abs(((a - b + 540) % 360) - 180);

export class Panel {
  constructor() {
    this.root = h("aside", { class: "panel", "aria-label": "Details of the picture" });
    this.editing = false;
    this.acts = {};
  }

  show(id, acts = {}) {
    if (this.editing && this.id === id) return;
    if (this.editing) this.finish(); // moving on saves what was written
    if (this.id !== id) this.cost = null;
    this.editing = false;
    this.id = id;
    this.acts = acts;
    this.render();
    this.price();
  }

  async price() {
    const p = pic(this.id);
    if (!p || !p.kept || p.role !== "subject") return;
    const id = this.id, found = await whatIf([id]);
    if (found && this.id === id && this.price_) fill(this.price_, costs(1, found.cost));
  }

  render() {
    const p = pic(this.id);
    if (!p) return void fill(this.root, h("p", { class: "quiet" }, "No picture is chosen."));
    this.price_ = h("span", { class: "quiet" }, p.kept ? "" : "not part of the set");
    return void fill(
      this.root,
      h("div", { class: "who" }, h("h2", {}, name(p.path)), state(p)),
      h("p", { class: "facts" }, `${p.width} × ${p.height} px · ${p.format} · ${number((p.width * p.height) / 1e6)} MP`, p.subset ? [" · ", name(p.subset)] : ""),
      this.relation(p),
      h("div", { class: "worth" },
        h("span", {}, p.role === "subject" ? (p.weight === null ? "effective images: not measured" : `worth ${number(p.weight, 2)} of an effective image`) : "regularisation picture, never counted"),
        p.weight === null ? null : h("meter", { min: 0, max: 1, value: p.weight, "aria-label": "effective images that it is" }), this.price_),
      this.findings(p), this.caption(p), this.view(p),
    );
  }

  relation(p) {
    const found = relation(p.id);
    if (!found || (found.group.kind !== "lookalike" && !found.member && !found.group.members.length)) return null;
    const { member, group, keeper } = found;
    if (!member) return h("p", { class: "relation" }, group.kind === "lookalike" ? `${count(group.members.length, "look-alike")}` : `keeper of ${count(group.members.length + 1, "file")}`, group.reason && group.kind !== "lookalike" ? h("span", { class: "quiet" }, ` · ${group.reason}`) : "");
    const evidence = [member.correlation !== null ? `correlation ${number(member.correlation, 3)}` : null, member.similarity !== null ? `similarity ${number(member.similarity, 3)}` : null].filter(Boolean).join(" · ");
    return h("p", { class: "relation" }, h("b", {}, safe(member.edit)), group.kind === "lookalike" ? " · beside " : " · of ", name(keeper.path, 60), evidence ? h("span", { class: "quiet" }, evidence) : "");
  }

  findings(p) {
    const found = Object.entries(p.checks).filter(([, check]) => check.finding);
    if (!found.length) return null;
    return h("ul", { class: "findings" }, found.map(([, check]) => h("li", {}, safe(check.finding))));
  }

  caption(p) {
    const from = p.yours.caption ? "yours" : p.caption_path ? safe(p.caption_path, 80) : "none";
    return h("section", { class: "caption" },
      h("h3", {}, "Caption", h("span", { class: "quiet" }, from)),
      h("button", { type: "button", class: "text", title: "Edit the caption (C)", onclick: () => this.edit() },
        p.caption ? h("bdi", {}, marked(p.caption, set.trigger)) : h("span", { class: "quiet" }, "No caption. Write one"), kbd("C")));
  }

  edit() {
    const p = pic(this.id), place = this.root.querySelector(".caption");
    if (!p || !place || !isWhole(p)) return;
    if (this.editing) return void place.querySelector("textarea").focus();
    this.editing = true;
    const area = h("textarea", { rows: 6, dir: "auto", spellcheck: true, "aria-label": "Caption", value: p.caption || "" });
    area.value = p.caption || "";
    const close = (keep) => {
      if (!this.editing) return;
      this.editing = false;
      if (keep && this.finish()) this.onsave?.(p.id);
      else this.render();
    };
    this.finish = () => {
      const text = area.value, changed = text !== (p.caption || "");
      if (changed) decide([{ kind: "caption", id: p.id, text }], "caption saved");
      return changed;
    };
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); close(true); this.render(); }
      if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(false); }
    });
    fill(place, h("h3", {}, "Caption"), area,
      h("div", { class: "row" }, button("Save", "Enter", () => { close(true); this.render(); }, { class: "main" }), button("Cancel", "Esc", () => close(false))));
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }

  view(p) {
    const view = p.views, way = direction(view?.yaw_deg);
    const said = !view ? "not measured" : [way || "view not known", view.framing ? FRAMINGS[view.framing] : null].filter(Boolean).join(" · ");
    const how = p.yours.view ? "yours" : view?.sources?.length ? `${Math.round(100 * view.confidence)} % sure, by ${view.sources.join(", ")}` : "";
    this.viewSection = h("details", { class: "view", open: this.viewOpen, ontoggle: (event) => { this.viewOpen = event.target.open; } },
      h("summary", {}, h("span", {}, "View"), h("b", {}, said), kbd("V")),
      h("p", { class: "quiet" }, how, (view?.notes || []).map((note) => h("span", { class: "note" }, safe(note)))),
      h("div", { class: "viewing" },
        h("div", { class: "compass", role: "group", "aria-label": "Where the subject looks" },
          COMPASS.map(([sign, yaw, label]) => yaw === null ? h("span", { class: "hub" }, "") :
            h("button", { type: "button", title: label, "aria-label": label, "aria-pressed": String(way === label), onclick: () => this.setView({ yaw_deg: yaw }) }, sign))),
        h("div", { class: "framings", role: "group", "aria-label": "Framing" },
          Object.entries(FRAMINGS).map(([key, label]) => h("button", { type: "button", "aria-pressed": String(view?.framing === key), onclick: () => this.setView({ framing: key }) }, label)))));
    return this.viewSection;
  }

  openView() {
    this.viewOpen = true;
    if (!this.viewSection) return;
    this.viewSection.open = true;
    this.viewSection.querySelector("[aria-pressed=true], button").focus();
  }

  setView(change) {
    const p = pic(this.id), before = p.views || {};
    const view = { yaw_deg: before.yaw_deg ?? null, framing: before.framing ?? null, ...change };
    p.views = { pitch_deg: null, roll_deg: null, sources: ["user"], notes: [], confidence: 1, ...before, ...change };
    decide([{ kind: "view", id: p.id, view }], "view saved");
    this.render();
    this.viewSection.querySelector("[aria-pressed=true]")?.focus();
  }
}

export function state(p) {
  const found = relation(p.id);
  const yours = p.yours.keep !== null || p.yours.keeper ? " by you" : "";
  if (p.kept) return h("span", { class: "state kept" }, found && !found.member && found.group.kind !== "lookalike" ? "keeper" : "kept", yours);
  if (p.yours.keep === false) return h("span", { class: "state out" }, "left out by you");
  return h("span", { class: "state copy" }, "copy, left out");
}

export function costs(n, cost) {
  if (cost === null) return "";
  const what = n === 1 ? "leaving it out" : `leaving these ${n} out`;
  return cost < 0.005 ? `${what} costs nothing` : `${what} costs ${number(cost, cost < 0.095 ? 2 : 1)} effective images`;
}

