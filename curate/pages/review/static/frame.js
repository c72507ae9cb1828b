// The bar on top, what it says while deciding, messages, and the list of keys.
import { post } from "/static/api.js";
import { button, fill, h, number, safe } from "/static/dom.js";
import { KEYS, layer } from "/static/keys.js";
import { VERDICTS } from "/static/plan.js";
import { emit, on, pic, set, turn, ui } from "/static/state.js";

const VIEWS = [["queue", "Queue", "Q"], ["browse", "Browse", "W"], ["captions", "Captions", "T"], ["plan", "Plan", "P"]];

function over(title, text) { // nothing more can be done here
  layer({}, { modal: true });
  document.body.replaceChildren(h("main", { class: "over" }, h("h1", {}, title), h("p", {}, text)));
}

export class Frame {
  constructor(top, toasts) {
    this.toasts = toasts;
    this.nav = h("nav", { class: "views", "aria-label": "Views" });
    this.meters = h("div", { class: "meters", "aria-live": "off" });
    this.saved = h("span", { class: "saved", role: "status" });
    this.title = h("span", { class: "folder" });
    this.theme = button("◐", "", () => this.turnLight(), { class: "icon", title: "Light or dark (L)", "aria-label": "Light or dark" });
    fill(top, h("h1", { class: "sr" }, "curate review"), h("span", { class: "brand" }, h("img", { src: "/static/icon.svg", alt: "", width: 20, height: 20 }), h("b", {}, "curate"), this.title), this.nav, this.meters,
      h("div", { class: "icons" }, this.saved,
        button("↶", "", () => turn("undo"), { class: "icon", title: "Undo (U)", "aria-label": "Undo" }), button("↷", "", () => turn("redo"), { class: "icon", title: "Redo (R)", "aria-label": "Redo" }), this.theme,
        button("?", "", () => this.help(), { class: "icon", title: "Keys (?)", "aria-label": "Keys" }), button("⏻", "", () => this.stop(), { class: "icon", title: "End the review", "aria-label": "End the review" })));
    this.pending = 0;
    on("change", () => this.draw());
    on("saving", (by) => { this.pending += by; this.drawSaved(); });
    on("saved", ({ decisions, told }) => { if (told) this.toast(decisions.length === 1 ? `${safe(pic(decisions[0].id).path.split("/").pop(), 40)}: ${told}` : told); });
    on("toast", (text) => this.toast(text));
    on("problem", (text) => this.toast(text, true));
    on("online", (online) => { document.body.classList.toggle("offline", !online); this.drawSaved(); });
    on("ended", () => over("This review has ended", "Every decision is kept. Another review is open at this address: use the link that it printed."));
    this.keys = {
      q: () => emit("view", "queue"), w: () => emit("view", "browse"), t: () => emit("view", "captions"), p: () => emit("view", "plan"), e: () => emit("view", "plan"),
      u: () => turn("undo"), r: () => turn("redo"), "Ctrl+z": () => turn("undo"), "Ctrl+Shift+z": () => turn("redo"), "Ctrl+y": () => turn("redo"),
      "?": () => this.help(), l: () => this.turnLight(), i: () => document.body.classList.toggle("bare"),
      "/": () => { if (ui.view !== "captions") emit("view", "browse"); document.querySelector("main input[type=search]").focus(); },
      Escape: () => document.activeElement.blur(),
    };
    try { document.documentElement.dataset.theme = localStorage.getItem("curate-theme") || ""; } catch { /* storage may be off */ }
  }

  draw() {
    const { diversity: d, coverage: c, plan } = set;
    const open = set.progress.all - set.progress.done;
    fill(this.title, safe(set.folder.split(/[\\/]/).filter(Boolean).pop(), 40));
    this.title.title = safe(set.folder);
    fill(this.nav, VIEWS.map(([key, label, k]) => h("button", { type: "button", title: `${label} (${k})`, "aria-current": ui.view === key ? "page" : null, onclick: () => emit("view", key) }, label, key === "queue" && open ? h("span", { class: "n" }, String(open)) : null)));
    const delta = set.before === null || !d.measured ? 0 : d.effective_images - set.before;
    const [word, tone] = plan && !plan.problem ? VERDICTS[plan.verdict] || [plan.verdict, "warn"] : ["no plan", "warn"];
    fill(this.meters,
      h("span", { class: "m", title: d.measured ? `between ${number(d.low)} and ${number(d.high)}` : "effective images were not measured (--model none)" }, h("b", {}, number(d.effective_images)), " effective", Math.abs(delta) >= 0.005 ? h("span", { class: delta < 0 ? "down" : "up" }, ` ${delta < 0 ? "−" : "+"}${number(Math.abs(delta), 2)}`) : ""),
      h("span", { class: "m wide" }, h("b", {}, String(plan?.pictures ?? "–")), ` of ${d.files} files`),
      c?.measured ? h("span", { class: "m wide", title: safe(c.headline) }, h("b", {}, `${c.views_seen}`), ` of ${c.views_wanted} views`) : null,
      plan ? h("button", { type: "button", class: `m chip ${tone}`, title: "Plan (P)", onclick: () => emit("view", "plan") }, plan.problem ? "no plan" : [h("b", {}, `${number(plan.exposures.per_effective_image, 0)}×`), h("span", { class: "wide" }, ` ${word.toLowerCase()}`)]) : null,
      set.settled ? null : h("span", { class: "busy", title: "working it out" }));
    document.title = `${open ? `${open} · ` : ""}${safe(set.folder.split(/[\\/]/).pop(), 40)} · curate review`;
  }

  drawSaved() {
    fill(this.saved, !set.online ? "not connected" : this.pending ? "saving …" : "saved");
    this.saved.classList.toggle("bad", !set.online);
  }

  toast(text, bad = false) {
    const message = h("p", { class: `toast${bad ? " bad" : ""}`, role: bad ? "alert" : null }, text);
    this.toasts.append(message);
    while (this.toasts.childElementCount > 3) this.toasts.firstChild.remove();
    setTimeout(() => message.remove(), bad ? 9000 : 2600);
  }

  help() {
    if (this.helping) return void this.helping.close();
    const dialog = (this.helping = h("dialog", { class: "help", "aria-label": "Keys" },
      h("header", {}, h("h2", {}, "Keys"), h("span", { class: "space" }), button("End the review", "", () => { dialog.close(); this.stop(); }), button("Close", "Esc", () => dialog.close(), { autofocus: true })),
      h("div", { class: "keys" }, KEYS.map(([title, keys]) => h("section", {}, h("h3", {}, title), h("dl", {}, keys.map(([key, what]) => h("div", {}, h("dt", {}, key.split(" ").map((k) => (k === "…" || k === "+" && key !== "+  −" ? ` ${k} ` : k ? h("kbd", {}, k) : ""))), h("dd", {}, what))))))),
      h("p", { class: "quiet" }, "Every decision is saved on this machine at once, outside the picture folder, and kept for later scans.")));
    const leave = layer({ "?": () => dialog.close() }, { modal: true });
    dialog.addEventListener("close", () => { leave(); dialog.remove(); this.helping = null; });
    document.body.append(dialog);
    dialog.showModal();
  }

  turnLight() {
    const dark = getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("curate-theme", dark ? "light" : "dark"); } catch { /* storage may be off */ }
  }

  async stop() {
    const dialog = h("dialog", { class: "ask-end", "aria-label": "End the review" }, h("h2", {}, "End the review?"), h("p", {}, "Every decision is saved. curate review opens it again."),
      h("div", { class: "row" }, button("End it", "", () => { dialog.close("end"); }, { class: "main" }), button("Stay", "Esc", () => dialog.close(""))));
    const leave = layer({}, { modal: true });
    dialog.addEventListener("close", async () => {
      leave();
      dialog.remove();
      if (dialog.returnValue !== "end") return;
      try { await post("/api/stop"); } catch { /* it may be gone before it answers */ }
      over("The review has ended", "Every decision is kept. You can close this page.");
    });
    document.body.append(dialog);
    dialog.showModal();
  }
}
