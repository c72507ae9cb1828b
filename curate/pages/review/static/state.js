// The set as the server tells it, what the user is doing with it, and the decisions on their way.
import { change, get, post } from "/static/api.js";

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
export function isWhole(p) { // a caption of megabytes is shown in part, and what is not shown is not edited
  if (p.caption_length) emit("toast", `A caption of ${p.caption_length.toLocaleString("en")} characters is not edited here.`);
  return !p.caption_length;
}
export const byPath = (path) => set.pictures.get(set.byPath.get(path));

// Decisions that are shown although the server's answers may not contain them yet: [{ decision, after }], where the
// first settled answer later than version `after` contains it; Infinity until it is saved.
let ahead = [];

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
    if (known) Object.assign(known, { caption_length: 0 }, picture);
    else set.pictures.set(picture.id, picture);
  }
  if (news.settled) ahead = ahead.filter((one) => one.after >= news.version);
  for (const { decision } of ahead) shown(decision);
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
      if (news.version > set.version || news.settled !== set.settled) merge(news);
      if (news.pictures.length === 0 && news.version === set.version && !news.settled) await pause(150);
    } catch (error) {
      if (error.status === 403) return void emit("ended"); // another review answers at this address
      if (set.online) { set.online = false; emit("online", false); }
      await pause(1500);
    }
  }
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Shown at once, sent at once, taken back where the server refuses it.
export async function decide(decisions, told = "") {
  const mine = decisions.map((decision) => ({ decision, after: Infinity }));
  const undo = decisions.map(shown);
  ahead.push(...mine);
  emit("change", { pictures: decisions.map((d) => pic(d.id)) });
  emit("saving", 1);
  try {
    const { version } = await change("/api/decide", { decisions });
    for (const one of mine) one.after = version;
    emit("saved", { decisions, told });
    return true;
  } catch (error) {
    ahead = ahead.filter((one) => !mine.includes(one));
    undo.reverse().forEach((back) => back());
    emit("change", { pictures: decisions.map((d) => pic(d.id)) });
    emit("problem", `Not saved: ${error.message}`);
    return false;
  } finally {
    emit("saving", -1);
  }
}

function shown(decision) {
  const p = pic(decision.id), kept = p.kept, yours = p.yours, caption = p.caption, caption_length = p.caption_length;
  p.yours = { ...yours };
  if (decision.kind === "keep" || decision.kind === "keeper") p.kept = true;
  if (decision.kind === "leave_out") p.kept = false;
  if (decision.kind === "keep" || decision.kind === "leave_out") p.yours.keep = decision.kind === "keep";
  if (decision.kind === "keeper") p.yours.keeper = true;
  if (decision.kind === "caption") { p.caption = decision.text; p.caption_length = 0; p.yours.caption = true; }
  if (decision.kind === "view") p.yours.view = true;
  return () => Object.assign(p, { kept, yours, caption, caption_length });
}

export async function turn(verb) {
  try {
    const { decisions } = await change(`/api/${verb}`);
    if (verb === "undo") ahead = ahead.filter((one) => !decisions.some((d) => d.id === one.decision.id && d.kind === one.decision.kind));
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
