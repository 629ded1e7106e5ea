// The list of commands over the composer: arrows walk, Enter or Tab takes one, Escape closes. The focus stays in the words.

import { $, h } from "./dom.js";

const COMMANDS = [
  ["/community", "opens the form"],
  ["/community post Tea | It is ready! #kitchen", "posts at once"],
  ["/community whoami", "which account you post as"],
  ["/community status", "your latest posts"],
  ["/community help", "what it understands"],
];

const list = () => $("commands");
const options = () => [...list().children];
const chosen = () => options().find((each) => each.ariaSelected === "true");

/** Fills the list; `take(command)` puts one into the composer. */
export function begin(take) {
  list().append(...COMMANDS.map(([command, about], at) => {
    // The words must not lose the focus to the list.
    const on = { mousedown: (event) => event.preventDefault(), click: () => { take(command); shut(); } };
    return h("li", { role: "option", id: `command-${at}`, "aria-selected": "false", on },
      h("code", {}, command), " ", h("span", {}, about));
  }));
}

/** Open while what is written can still become a command. */
export function offer(written) {
  choose(null);
  list().hidden = !(written && "/community".startsWith(written));
}

export function shut() {
  choose(null);
  list().hidden = true;
}

function choose(option) {
  options().forEach((each) => each.setAttribute("aria-selected", String(each === option)));
  if (option) $("words").setAttribute("aria-activedescendant", option.id);
  else $("words").removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

/** Whether the list has used the key, so that it means nothing else any more. */
export function heed({ key, shiftKey, isComposing }) {
  if (list().hidden || isComposing) return false;
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (step) walk(step);
  const option = ["Enter", "Tab"].includes(key) && !shiftKey && meant();
  if (option) option.click();
  if (["Escape", "Tab"].includes(key)) shut();
  return Boolean(step || option) || key === "Escape";
}

/** A beginning means the first of them; what is a command by itself is sent as it stands. */
const meant = () => chosen() ?? ($("words").value === COMMANDS[0][0] ? null : options()[0]);

function walk(step) {
  const all = options();
  const at = all.indexOf(chosen());
  choose(all[at < 0 && step < 0 ? all.length - 1 : (at + step + all.length) % all.length]);
}
