// Elements from plain values. Text is always set as text, so no name or caption can become markup.

export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "style") for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const SHOWN = 2000; // characters of a name or caption that are laid out; the rest is counted

// A text as it really is: what cannot be seen, or would turn the line around, is shown by its number.
export function safe(text, most = SHOWN) {
  const whole = String(text ?? "");
  const cut = whole.length > most ? `${whole.slice(0, most)} … and ${(whole.length - most).toLocaleString()} more characters` : whole;
  return cut.replace(HIDDEN, (c) => `‹${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

export const name = (path, most = 200) => h("bdi", { class: "name", title: safe(path, 500) }, safe(path, most));

// A caption with a word marked wherever it stands.
export function marked(text, word) {
  const shown = safe(text);
  if (!word) return [shown];
  const parts = [];
  const lower = shown.toLowerCase(), wanted = word.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    parts.push(shown.slice(from, at), h("mark", {}, shown.slice(at, at + word.length)));
    from = at + word.length;
  }
  parts.push(shown.slice(from));
  return parts;
}

export const kbd = (key) => h("kbd", { "aria-hidden": "true" }, key);

export function button(label, key, action, props = {}) {
  return h("button", { type: "button", onclick: action, ...props }, h("span", {}, label), key ? kbd(key) : null);
}

export const thumb = (pic, props = {}) =>
  h("img", { src: `/picture/thumb/${pic.digest}`, alt: "", loading: "lazy", decoding: "async", draggable: false, ...props });

export const number = (value, digits = 1) =>
  value === null || value === undefined ? "–" : Number(value).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const count = (n, one, many = `${one}s`) => `${Number(n).toLocaleString("en")} ${n === 1 ? one : many}`;

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const narrow = () => matchMedia("(max-width: 860px)").matches;
