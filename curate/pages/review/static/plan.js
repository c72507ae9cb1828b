// The plan with its controls and live verdict, the views, and the export.
import { change, get } from "/static/api.js";
import { button, count, fill, h, number, safe } from "/static/dom.js";
import { emit, on, pause, set, ui } from "/static/state.js";

export const VERDICTS = {
  under_trained: ["Under-trained", "warn"], sound: ["Sound", "good"], risk: ["Risk of overfitting", "warn"], overfit_likely: ["Overfitting likely", "bad"], uncertain: ["Uncertain", "warn"],
};
const WORDS = { kohya: "kohya sd-scripts", onetrainer: "OneTrainer", "ai-toolkit": "AI Toolkit", simpletuner: "SimpleTuner", "diffusion-pipe": "diffusion-pipe", musubi: "musubi-tuner", diffusers: "diffusers", folder: "pictures and captions only" };

export class PlanView {
  constructor() {
    this.form = h("form", { class: "controls", onsubmit: (e) => e.preventDefault() });
    this.answer = h("section", { class: "card answer", "aria-label": "Verdict", "aria-live": "polite" });
    this.views = h("section", { class: "card coverage", "aria-label": "Views" });
    this.out = h("section", { class: "card export", "aria-label": "Export" });
    this.root = h("div", { class: "plan" }, h("div", { class: "column" }, h("section", { class: "card", "aria-label": "Settings" }, h("h2", {}, "Training"), this.form), this.views), h("div", { class: "column" }, this.answer, this.out));
    on("change", (news) => { if (ui.view === "plan" && this.root.isConnected) this.draw(news); });
    this.keys = { e: () => this.list() };
    this.export = { folder: "", trainer: "kohya", name: "", class_word: "", trigger: "" };
  }

  shown() { this.drawForm(); this.drawExport(); this.draw({}); }

  field(key, label, unit, input) { return h("label", {}, h("span", {}, label, unit ? h("span", { class: "quiet" }, ` ${unit}`) : ""), input); }

  choice(key, values, wording = {}) {
    return h("select", { onchange: (e) => this.set({ [key]: e.target.value }) }, values.map((v) => h("option", { value: v, selected: set.budget[key] === v }, wording[v] || v)));
  }

  amount(key, props) {
    return h("input", { type: "number", value: set.budget[key] === null || set.budget[key] === undefined ? "" : String(set.budget[key]), ...props, oninput: (e) => { if (e.target.checkValidity()) this.set({ [key]: e.target.value === "" ? null : Number(e.target.value) }); } });
  }

  drawForm() {
    const { choices } = set;
    fill(this.form,
      this.field("trainer", "Trainer", "", this.choice("trainer", choices.trainer, WORDS)),
      this.field("base", "Base model", "", this.choice("base", choices.base)),
      this.field("preset", "What is trained", "", this.choice("preset", choices.preset)),
      this.field("target_steps", "Target", "optimizer steps", this.amount("target_steps", { min: 1, step: 1, max: 10000000 })),
      this.field("batch_size", "Batch size", "", h("select", { onchange: (e) => this.set({ batch_size: e.target.value === "auto" ? "auto" : Number(e.target.value) }) }, ["auto", 1, 2, 3, 4, 6, 8, 16].map((v) => h("option", { value: String(v), selected: set.budget.batch_size === v }, String(v))))),
      this.field("resolution", "Resolution", "px", this.amount("resolution", { min: 64, max: 8192, step: 1, placeholder: "the base model's" })),
      this.field("gradient_accumulation", "Accumulation", "batches a step", this.amount("gradient_accumulation", { min: 1, max: 64, step: 1, required: true })),
      this.field("rank", "Rank", "", this.amount("rank", { min: 1, max: 1024, step: 1, required: true })));
  }

  set(change) {
    Object.assign(set.budget, change);
    this.waiting = { ...this.waiting, ...change };
    this.answer.classList.add("stale");
    clearTimeout(this.soon);
    this.soon = setTimeout(async () => {
      const settings = this.waiting;
      this.waiting = {};
      try { await change("/api/plan", { settings }); } catch (error) { emit("problem", error.message); this.answer.classList.remove("stale"); }
    }, 200);
  }

  draw(news) {
    if (news.plan || !this.answer.childElementCount) { this.answer.classList.remove("stale"); this.drawAnswer(); }
    if ("coverage" in news || !this.views.childElementCount) this.drawViews();
  }

  drawAnswer() {
    const { plan } = set;
    if (!plan) return void fill(this.answer, h("p", { class: "quiet" }, "Working the plan out …"));
    if (plan.problem) return void fill(this.answer, h("h2", {}, "No plan"), h("p", { class: "problem" }, safe(plan.problem)));
    const [word, tone] = VERDICTS[plan.verdict] || [plan.verdict, "warn"];
    const seen = plan.exposures.per_effective_image, { sound, cap } = plan.range, s = plan.plan;
    const end = Math.max(cap * 1.6, seen * 1.1);
    const facts = [["Repeats", number(s.repeats, Number.isInteger(s.repeats) ? 0 : 2)], ["Epochs", String(s.epochs)], ["Batch size", String(s.batch_size)], ["Steps", `${s.steps.toLocaleString("en")}${plan.target_steps && plan.target_steps !== s.steps ? ` of ${plan.target_steps.toLocaleString("en")} asked for` : ""}`], ["Learning rate", String(plan.settings.learning_rate)], ["Pictures", plan.effective_images === null ? `${plan.pictures}, effective images not measured` : `${plan.pictures}, ${number(plan.effective_images)} effective`]];
    fill(this.answer,
      h("p", { class: `verdict ${tone}` }, word),
      h("p", { class: "lead" }, h("b", {}, `${number(seen, 0)} times`), ` each ${plan.effective_images === null ? "picture" : "effective image"} is seen; sound is ${number(sound[0], 0)} to ${number(sound[1], 0)}`),
      h("div", { class: "band", role: "img", "aria-label": `${number(seen, 0)} times, sound from ${number(sound[0], 0)} to ${number(sound[1], 0)}`, style: { "--from": `${(100 * sound[0]) / end}%`, "--to": `${(100 * Math.min(sound[1], end)) / end}%`, "--at": `${(100 * seen) / end}%` } }, h("span", { class: "okay" }), h("span", { class: "here" })),
      h("dl", { class: "numbers" }, facts.map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v)))),
      plan.warnings.length ? h("ul", { class: "findings" }, plan.warnings.map((w) => h("li", {}, safe(w)))) : null,
      plan.remedies.length ? [h("h3", {}, "What would help"), h("ul", { class: "remedies" }, plan.remedies.slice(0, 5).map((r) => h("li", {}, h("b", {}, safe(r.what)), " ", safe(r.text), h("span", { class: "quiet" }, ` ${safe(r.mark)}`))))] : null,
      plan.alternatives.length ? [h("h3", {}, "Other ways"), h("table", {}, h("thead", {}, h("tr", {}, ["way", "repeats", "epochs", "steps", "seen", "verdict"].map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, plan.alternatives.map((a) => h("tr", {}, h("th", { scope: "row" }, safe(a.what)), h("td", {}, number(a.plan.repeats, 0)), h("td", {}, String(a.plan.epochs)), h("td", {}, a.plan.steps.toLocaleString("en")), h("td", {}, `${number(a.exposures.per_effective_image, 0)}×`), h("td", { class: (VERDICTS[a.verdict] || [])[1] }, (VERDICTS[a.verdict] || [a.verdict])[0])))))] : null);
  }

  drawViews() {
    const c = set.coverage;
    if (!c) return void fill(this.views, h("h2", {}, "Views"), h("p", { class: "quiet" }, "Not measured."));
    const bars = (title, masses) => masses ? [h("h3", {}, title), h("ul", { class: "bars" }, Object.entries(masses).map(([label, mass]) => h("li", { class: mass > 0 ? "" : "none" }, h("span", {}, safe(label.replaceAll("_", " "))), h("meter", { min: 0, max: Math.max(1, ...Object.values(masses)), value: mass }), h("span", { class: "n" }, number(mass)))))] : null;
    fill(this.views, h("h2", {}, "Views"), h("p", { class: "lead" }, safe(c.headline)), bars("Turned to", c.yaw), bars("Framing", c.framing), bars("Height", c.pitch),
      c.gaps.length ? [h("h3", {}, "To add next"), h("ol", { class: "gaps" }, c.gaps.slice(0, 6).map((g) => h("li", {}, h("b", {}, safe(g.name)), h("span", { class: "quiet" }, ` has ${number(g.has)}, wants ${number(g.wants)} · ${safe(g.why)}`))))] : null,
      c.findings.length ? h("ul", { class: "findings" }, c.findings.map((f) => h("li", {}, safe(f)))) : null);
  }

  drawExport() {
    const e = this.export;
    if (!e.folder) {
      e.folder = `${(set.folder.split(/[\\/]/).filter(Boolean).pop() || "set").replace(/[/\\:*?"<>|\n\t]/g, "-").replace(/^\.+|[. ]+$/g, "")}-clean`.slice(0, 90);
      e.trainer = set.choices.layout.includes(set.budget.trainer) ? set.budget.trainer : "folder";
      e.trigger = set.trigger;
    }
    const entry = (key, props) => h("input", { type: "text", value: e[key], oninput: (x) => { e[key] = x.target.value; this.listing(null); }, ...props });
    this.listed = h("div", { class: "listed" });
    fill(this.out, h("h2", {}, "Export"),
      h("form", { class: "controls", onsubmit: (x) => { x.preventDefault(); this.list(); } },
        this.field("folder", "New folder", "beside the set", entry("folder", { maxlength: 100, required: true })),
        this.field("layout", "Layout", "", h("select", { onchange: (x) => { e.trainer = x.target.value; this.listing(null); } }, set.choices.layout.map((v) => h("option", { value: v, selected: v === e.trainer }, WORDS[v] || v)))),
        this.field("name", "Name of the set", "", entry("name", { placeholder: "the folder's" })),
        this.field("class_word", "Class", "", entry("class_word", { placeholder: "for example: woman" })),
        this.field("trigger", "Trigger word", "", entry("trigger", { placeholder: "none" })),
        h("div", { class: "row whole" }, button("Show what would be written", "E", null, { type: "submit", class: "main" }))), this.listed);
  }

  asked(dry_run) { return { ...this.export, dry_run }; }

  async list() {
    fill(this.listed, h("p", { class: "quiet" }, "Looking …"));
    try { this.listing(await change("/api/export", this.asked(true))); } catch (error) { fill(this.listed, h("p", { class: "problem", role: "alert" }, safe(error.message))); }
  }

  listing(found) {
    if (!found) return void fill(this.listed);
    const left = Object.values(found.left_out).reduce((a, b) => a + b, 0);
    const go = button(`Write ${count(found.pictures, "picture")}`, "", () => this.write(), { class: "main" });
    fill(this.listed, h("p", {}, "To ", h("bdi", { class: "name" }, safe(found.destination)), `: ${count(found.pictures, "picture")}, ${left} left out. Nothing is written yet.`),
      h("pre", { tabindex: "0", "aria-label": "Listing" }, found.lines.map((l) => safe(l, 400)).join("\n"), found.more ? `\n… and ${found.more} more lines` : ""), h("div", { class: "row" }, go));
    go.focus();
  }

  async write() {
    const bar = h("progress", { "aria-label": "Export" }), said = h("p", { role: "status" }, "Writing …");
    fill(this.listed, said, bar);
    try {
      let state = await change("/api/export", this.asked(false));
      while (state.state === "writing") {
        if (state.all) { bar.max = state.all; bar.value = state.done; fill(said, `Writing ${state.done.toLocaleString("en")} of ${count(state.all, "file")}`); }
        await pause(200);
        state = await get("/api/export");
      }
      if (state.state === "failed") throw new Error(state.problem);
      fill(this.listed, h("p", { class: "good", role: "status" }, `${count(state.pictures, "picture")} written to `, h("bdi", { class: "name" }, safe(state.destination))), state.config ? h("p", {}, "Configuration: ", h("bdi", { class: "name" }, safe(state.config))) : "", state.notes.map((n) => h("p", { class: "quiet" }, safe(n))));
    } catch (error) { fill(this.listed, h("p", { class: "problem", role: "alert" }, safe(error.message))); }
  }
}
