// Captions as a whole: which tags stand how often, find and replace, and each caption edited where it stands.
import { change, post } from "/static/api.js";
import { button, count, fill, h, marked, name, safe, thumb } from "/static/dom.js";
import { filtered } from "/static/browse.js";
import { decide, emit, isWhole, on, pic, set, ui } from "/static/state.js";
import { Virtual } from "/static/virtual.js";

const LISTED = 2000; // tags
const parts = (caption) => (caption || "").split(",").map((tag) => tag.trim()).filter(Boolean);
const words = (caption) => (caption || "").toLowerCase().match(/[\p{L}\p{N}_'-]{3,}/gu) || [];

export class Captions {
  constructor() {
    this.unit = "tag";
    this.tags = new Virtual({ cell: (i) => this.tag(this.counted[i]), height: () => 34, props: { class: "virtual tags", role: "group", "aria-label": "Tags by frequency" } });
    this.list = new Virtual({ cell: (i) => this.line(i), columns: (w) => Math.max(1, Math.floor(w / 620)), height: () => (matchMedia("(max-width: 860px)").matches ? 132 : 104), gap: 8, props: { class: "virtual lines", role: "group", "aria-label": "Captions" } });
    this.scope = h("p", { class: "quiet" });
    this.tally = h("p", { class: "quiet" });
    this.find = h("input", { type: "text", placeholder: "Find", "aria-label": "Find", oninput: () => this.preview() });
    this.put = h("input", { type: "text", placeholder: "Replace with (nothing: remove)", "aria-label": "Replace with", oninput: () => this.preview() });
    this.how = h("select", { "aria-label": "What counts as found", onchange: () => this.preview() }, [["tag", "whole tags"], ["word", "whole words"], ["text", "any text"]].map(([v, l]) => h("option", { value: v }, l)));
    this.result = h("span", { class: "quiet", role: "status" });
    this.apply = button("Replace", "", null, { type: "submit", class: "main", disabled: true });
    this.trigger = h("input", { type: "text", placeholder: "none", oninput: () => this.setTrigger() });
    this.holding = h("span", { class: "quiet" });
    this.modes = h("div", { class: "chips" });
    this.search = h("input", { type: "search", placeholder: "Search captions", "aria-label": "Search captions", oninput: (e) => { ui.search = e.target.value; this.draw(); } });
    this.root = h("div", { class: "captions" },
      h("section", { class: "rail", "aria-label": "Tags" }, h("div", { class: "railhead" }, this.modes, this.tally), this.tags.root),
      h("div", { class: "gridside" },
        h("div", { class: "tools words" },
          h("div", { class: "row" }, this.search, this.scope, h("span", { class: "space" }), h("label", { class: "row" }, "Trigger word", this.trigger), this.holding),
          h("form", { class: "row", onsubmit: (e) => { e.preventDefault(); this.replace(); } }, this.find, this.put, this.how, this.apply, this.result)),
        this.list.root));
    on("change", (news) => { if (ui.view === "captions" && this.root.isConnected && news.pictures.length && !this.root.querySelector(".line textarea")) this.draw(); });
    this.keys = { Escape: () => { ui.tag = ui.search = this.search.value = ""; this.draw(); } };
  }

  shown() {
    this.search.value = ui.search;
    this.trigger.value = set.trigger;
    this.draw();
  }

  scoped() {
    const all = ui.selected.size ? [...ui.selected].map(pic) : filtered();
    return ui.tag ? all.filter((p) => this.units(p.caption).some((t) => t.toLowerCase() === ui.tag.toLowerCase())) : all;
  }
  units(caption) { return this.unit === "tag" ? parts(caption) : words(caption); }

  draw() {
    const base = ui.selected.size ? [...ui.selected].map(pic) : filtered();
    const counts = new Map();
    for (const p of base) for (const tag of new Set(this.units(p.caption).map((t) => t.slice(0, 200)))) counts.set(tag, (counts.get(tag) || 0) + 1);
    this.counted = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, LISTED);
    this.of = base.length;
    this.pictures = this.scoped();
    fill(this.modes, [["tag", "Tags"], ["word", "Words"]].map(([unit, label]) => h("button", { type: "button", class: "chip", "aria-pressed": String(this.unit === unit), onclick: () => { this.unit = unit; ui.tag = ""; this.draw(); } }, label)));
    fill(this.tally, `${count(counts.size, "different one")} in ${count(base.length, "picture")}`);
    fill(this.scope, ui.selected.size ? `the ${count(ui.selected.size, "selected picture")}` : count(this.pictures.length, "picture"), ui.tag ? [" with ", h("button", { type: "button", class: "chip", "aria-pressed": "true", onclick: () => { ui.tag = ""; this.draw(); } }, safe(ui.tag, 40), " ✕")] : "",
      ui.selected.size ? h("button", { type: "button", class: "chip", onclick: () => { ui.selected.clear(); this.draw(); } }, "all instead") : "");
    this.tags.show(this.counted.length);
    this.list.show(this.pictures.length);
    this.hold();
    this.preview();
  }

  hold() {
    const word = set.trigger.toLowerCase(), kept = set.order.map(pic).filter((p) => p.kept && p.role === "subject");
    const without = word ? kept.filter((p) => !(p.caption || "").toLowerCase().includes(word)).length : 0;
    fill(this.holding, word ? (without ? `${without} of ${kept.length} kept do not hold it` : `all ${kept.length} kept hold it`) : "");
  }

  setTrigger() {
    set.trigger = this.trigger.value.trim();
    clearTimeout(this.later);
    this.later = setTimeout(() => change("/api/trigger", { word: set.trigger }).catch((e) => emit("problem", e.message)), 300);
    this.list.reset();
    this.hold();
  }

  tag([tag, times]) {
    return h("button", { type: "button", class: `tag${ui.tag === tag ? " now" : ""}`, onclick: () => { ui.tag = ui.tag === tag ? "" : tag; this.find.value = tag; this.how.value = this.unit; this.draw(); } },
      h("span", { class: "share", style: { "--share": `${(100 * times) / Math.max(1, this.of)}%` } }), h("bdi", {}, marked(tag.slice(0, 80), set.trigger)), h("span", { class: "n" }, String(times)));
  }

  line(i) {
    const p = this.pictures[i];
    const place = h("div", { class: "said" }, h("button", { type: "button", class: "text", "aria-label": `Edit the caption of ${safe(p.path, 80)}`, onclick: () => this.edit(p, place) }, p.caption ? h("bdi", {}, marked(p.caption.slice(0, 600), set.trigger)) : h("span", { class: "quiet" }, "No caption. Write one")));
    return h("div", { class: `line${p.kept ? "" : " absent"}` }, h("button", { type: "button", class: "mini", "aria-label": "Show it", onclick: () => { ui.active = p.id; emit("view", "browse"); } }, thumb(p)), h("div", { class: "text-side" }, h("div", { class: "under" }, name(p.path, 60), p.yours.caption ? h("span", { class: "badge yes" }, "yours") : "", p.kept ? "" : h("span", { class: "badge out" }, "left out")), place));
  }

  edit(p, place) {
    if (!isWhole(p)) return;
    const area = h("textarea", { rows: 3, dir: "auto", "aria-label": "Caption" });
    area.value = p.caption || "";
    let open = true;
    const close = (keep) => {
      if (!open) return;
      open = false;
      area.remove();
      if (keep && area.value !== (p.caption || "")) decide([{ kind: "caption", id: p.id, text: area.value }], "caption saved");
      this.draw();
    };
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); close(true); }
      if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(false); }
    });
    area.addEventListener("blur", () => close(true));
    fill(place, area);
    area.focus();
  }

  change() { return { find: this.find.value, put: this.put.value, unit: this.how.value, ids: this.pictures.map((p) => p.id) }; }

  preview() {
    clearTimeout(this.soon);
    this.apply.disabled = true;
    if (!this.find.value.trim() || !this.pictures.length) return void fill(this.result, "");
    this.soon = setTimeout(async () => {
      try {
        const found = await post("/api/replace", { ...this.change(), dry_run: true });
        fill(this.result, `changes ${found.changed.toLocaleString("en")} of ${count(found.of, "caption")}`, found.too_long ? `; ${found.too_long} would grow too long` : "", found.shown.length ? h("bdi", { class: "sample" }, " → ", safe(found.shown[0].text, 120)) : "");
        this.apply.disabled = !found.changed;
      } catch (error) { fill(this.result, error.message); }
    }, 180);
  }

  async replace() {
    if (this.apply.disabled) return;
    this.apply.disabled = true;
    try {
      const found = await change("/api/replace", { ...this.change(), dry_run: false });
      emit("toast", `${count(found.changed, "caption")} changed; U undoes it`);
      this.find.value = this.put.value = "";
    } catch (error) { emit("problem", `Not saved: ${error.message}`); }
    this.preview();
  }
}
