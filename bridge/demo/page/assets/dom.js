// The few things that every module needs for building what is to be seen.

/** An element; `on` holds listeners, false and null properties are left out. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") Object.entries(value).forEach(([type, listener]) => node.addEventListener(type, listener));
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** A picture that says nothing of its own. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `/assets/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const $ = (id) => document.getElementById(id);

/** Shows `items` as the children of `parent`; what has not changed keeps its node, and so its focus. */
export function reconcile(parent, items, key, make) {
  const before = new Map([...parent.children].map((node) => [node.shownKey, node]));
  items.forEach((item, at) => {
    const json = JSON.stringify(item);
    const old = before.get(key(item, at));
    const node = old?.shownJson === json ? old : make(item, at);
    Object.assign(node, { shownKey: key(item, at), shownJson: json });
    if (old && old !== node) old.replaceWith(node);
    if (parent.children[at] !== node) parent.insertBefore(node, parent.children[at] ?? null);
    before.delete(node.shownKey);
  });
  before.forEach((node) => node.remove());
}

/** Tells a screen reader; what is seen says the same elsewhere. Lines are added, so that none replaces another. */
export function announce(text) {
  const heard = $("heard");
  heard.append(h("p", {}, text));
  if (heard.children.length > 8) heard.firstElementChild.remove();
}

/** A person's picture: initials on a colour of their own. */
export function avatar(id, name) {
  const initials = name.split(" ").map((part) => part[0]).slice(0, 2).join("");
  return h("span", { class: `avatar ${id.toLowerCase()}`, "aria-hidden": "true" }, initials);
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export function clock(date) {
  return h("time", { datetime: date.toISOString() }, CLOCK.format(date));
}

/** Puts the eye and the keyboard on something, and lights it up for a moment. */
export function showUp(node) {
  node.setAttribute("tabindex", "-1");
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "nearest" });
  node.classList.remove("lit");
  requestAnimationFrame(() => light(node));
}

/** Lights it up once, when it can be seen: what was hidden meanwhile would begin again whenever it is shown. */
export function light(node) {
  node.classList.add("lit");
  node.addEventListener("animationend", () => node.classList.remove("lit"), { once: true });
}
