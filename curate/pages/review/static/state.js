// The set as the server tells it, what the user is doing with it, and the decisions on their way.
import { get, post } from "/static/api.js";

export const set = {
  version: 0, folder: "", pictures: new Map(), order: [], byPath: new Map(), groups: [], tasks: [], progress: { done: 0, all: 0 },
  diversity: {}, coverage: null, plan: null, notes: [], broken: [], ignored: [], model: {}, budget: {}, trigger: "",
  choices: {}, settled: true, online: true, before: null,
};
export const ui = { view: "queue", task: null, active: null, selected: new Set(), filters: new Set(), search: "", sort: "name", tag: "" };

const listeners = new Map();
export const on = (event, action) => listeners.set(event, [...(listeners.get(event) || []), action]);
export const emit = (event, value) => (listeners.get(event) || []).forEach((action) => action(value));

export const pic = (id) => set.pictures.get(id);
export const byPath = (path) => set.pictures.get(set.byPath.get(path));

let groupsOf = new Map();
export const groupOf = (id) => groupsOf.get(id);
export function relation(id) {
  const found = groupsOf.get(id);
  if (!found) return null;
  const member = found.members.find((m) => m.path === pic(id).path);
  return { group: found, member: member || null, keeper: byPath(found.keeper) };
}

function merge(news) {
  const first = set.version === 0;
  for (const picture of news.pictures) {
    const known = set.pictures.get(picture.id);
    if (known) Object.assign(known, picture);
    else set.pictures.set(picture.id, picture);
  }
  if (first) {
    set.order = news.pictures.map((p) => p.id);
    for (const picture of news.pictures) set.byPath.set(picture.path, picture.id);
  }
  const before = set.diversity.effective_images;
  for (const part of ["groups", "tasks", "progress", "diversity", "coverage", "plan", "notes", "broken", "ignored", "model", "budget", "trigger", "choices", "folder"])
    if (part in news) set[part] = news[part];
  if (news.groups || first) {
    groupsOf = new Map();
    for (const group of set.groups) {
      const ids = [set.byPath.get(group.keeper), ...group.members.map((m) => set.byPath.get(m.path))];
      for (const id of ids) if (group.kind !== "lookalike" || !groupsOf.has(id)) groupsOf.set(id, group);
    }
  }
  if (before !== undefined && before !== set.diversity.effective_images) set.before = before;
  set.version = news.version;
  set.settled = news.settled;
  emit("change", news);
}

export async function follow() {
  merge(await get("/api/set"));
  for (;;) {
    try {
      const news = await get(`/api/set?since=${set.version}&wait`);
      if (!set.online) { set.online = true; emit("online", true); }
      if (news.version < set.version) location.reload();
      if (news.version > set.version || news.settled !== set.settled) merge(news);
      if (news.pictures.length === 0 && news.version === set.version && !news.settled) await pause(150);
    } catch {
      if (set.online) { set.online = false; emit("online", false); }
      await pause(1500);
    }
  }
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Shown at once, sent at once, taken back where the server refuses it.
export async function decide(decisions, told = "") {
  const undo = decisions.map(shown);
  emit("change", { pictures: decisions.map((d) => pic(d.id)) });
  emit("saving", 1);
  try {
    await post("/api/decide", { decisions });
    emit("saved", { decisions, told });
    return true;
  } catch (error) {
    undo.reverse().forEach((back) => back());
    emit("change", { pictures: decisions.map((d) => pic(d.id)) });
    emit("problem", `Not saved: ${error.message}`);
    return false;
  } finally {
    emit("saving", -1);
  }
}

function shown(decision) {
  const p = pic(decision.id), kept = p.kept, yours = p.yours, caption = p.caption;
  p.yours = { ...yours };
  if (decision.kind === "keep" || decision.kind === "keeper") p.kept = true;
  if (decision.kind === "leave_out") p.kept = false;
  if (decision.kind === "keep" || decision.kind === "leave_out") p.yours.keep = decision.kind === "keep";
  if (decision.kind === "keeper") p.yours.keeper = true;
  if (decision.kind === "caption") { p.caption = decision.text; p.yours.caption = true; }
  if (decision.kind === "view") p.yours.view = true;
  return () => Object.assign(p, { kept, yours, caption });
}

export async function turn(verb) {
  try {
    const { decisions } = await post(`/api/${verb}`);
    if (!decisions.length) emit("toast", verb === "undo" ? "Nothing to undo." : "Nothing to redo.");
    else {
      const n = new Set(decisions.map((d) => d.id)).size;
      const what = { keep: "keep", leave_out: "leave out", keeper: "keeper", not_a_copy: "not a copy", caption: "caption", view: "view" }[decisions[0].kind];
      emit("toast", `${verb === "undo" ? "Undone" : "Redone"}: ${what}${n > 1 ? ` of ${n} pictures` : ""}`);
      emit("turned", decisions);
    }
  } catch (error) {
    emit("problem", error.message);
  }
}

// "leaving these 3 out costs 0.1 effective images": asked a moment after the question stands.
let asked = 0;
export async function whatIf(ids, wait = 350) {
  const own = ++asked;
  await pause(wait);
  if (own !== asked) return null;
  try {
    const found = await post("/api/whatif", { ids });
    return own === asked ? found : null;
  } catch {
    return null;
  }
}
