// Brings the parts together: the state from the server, four views, the keys.
import { Browse } from "/static/browse.js";
import { Captions } from "/static/captions.js";
import { fill, h } from "/static/dom.js";
import { Frame } from "/static/frame.js";
import { layer, listen } from "/static/keys.js";
import { PlanView } from "/static/plan.js";
import { Queue } from "/static/queue.js";
import { follow, on, set, ui } from "/static/state.js";

const main = document.getElementById("main");
const frame = new Frame(document.getElementById("top"), document.getElementById("toasts"));
const views = { queue: new Queue(), browse: new Browse(), captions: new Captions(), plan: new PlanView() };
let leave = null;

function show(name) {
  if (!(name in views) || !set.version) return;
  ui.view = name;
  leave?.();
  const view = views[name];
  leave = layer(view.keys);
  document.body.dataset.view = name;
  fill(main, view.root);
  view.shown();
  frame.draw();
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
}

layer(frame.keys);
listen();
on("view", show);
let begun = false;
on("change", () => {
  if (begun) return;
  begun = true;
  queueMicrotask(() => show(location.hash.slice(1) in views ? location.hash.slice(1) : "queue"));
});
addEventListener("hashchange", () => show(location.hash.slice(1)));
follow().catch((error) => fill(main, h("p", { class: "loading", role: "alert" }, `The set cannot be shown: ${error.message}`)));
