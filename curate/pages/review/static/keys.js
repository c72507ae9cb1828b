// Every key that does something, in one table: the page obeys it and `?` shows it.

export const KEYS = [
  ["Move", [
    ["→  j", "next"], ["←", "previous"], ["↑ ↓", "picture of the group"], ["1 … 9", "that picture of the group"],
    ["Q", "queue"], ["W", "browse all"], ["T", "captions and tags"], ["P", "plan and export"], ["/", "search"], ["Esc", "back, close"],
  ]],
  ["Decide", [
    ["Enter", "take the suggestion, go on"], ["K", "keep"], ["X", "leave out"], ["M", "make this the keeper"],
    ["D", "different: not a copy"], ["C", "edit the caption"], ["V", "set the view"], ["U", "undo"], ["R", "redo"],
  ]],
  ["Look", [
    ["Z", "actual pixels, or fit"], ["+  −", "closer, farther"], ["B", "blink the aligned pair"], ["S", "side by side, or one picture"],
    ["O", "outline what changed"], ["I", "details on or off"], ["L", "light or dark"],
  ]],
  ["Browse", [
    ["Enter", "look at it large"], ["Space", "select"], ["Shift + arrows", "select more"], ["A", "select all, or none"],
  ]],
  ["Page", [["?", "this list"], ["Ctrl Z", "undo"], ["Ctrl Shift Z", "redo"], ["E", "export"]]],
];

const layers = []; // the topmost that knows a key takes it

export function layer(actions, { modal = false } = {}) {
  const entry = { actions, modal };
  layers.push(entry);
  return () => layers.splice(layers.indexOf(entry), 1);
}

const isTyping = (target) => target.matches?.("input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select");

export function listen() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.isComposing) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const named = `${command ? "Ctrl+" : ""}${event.shiftKey && (command || event.key.length > 1) ? "Shift+" : ""}${key}`;
    if (isTyping(event.target)) {
      if (named === "Escape") event.target.blur(); // back to the keys; once more clears what was typed
      return;
    }
    const pressing = event.target.matches?.("button, a, summary, [role=option], [role=tab], input");
    if (pressing && (key === "Enter" || key === " ")) return; // a focused control is pressed, as everywhere
    for (const { actions, modal } of [...layers].reverse()) {
      const action = actions[named];
      if (action) {
        event.preventDefault();
        action(event);
        return;
      }
      if (modal) return;
    }
  });
}
