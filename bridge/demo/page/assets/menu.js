// A menu under a button: arrows walk, Enter chooses, Escape closes.

import { h } from "./dom.js";

/** Makes `button` open a menu of `items`, pairs of words and what they do. It is put into the button's parent. */
export function menuButton(button, items) {
  const label = button.getAttribute("aria-label") ?? button.textContent.trim();
  const menu = h("div", { class: "menu", role: "menu", hidden: true, "aria-label": label });
  const shut = (refocus) => {
    menu.hidden = true;
    button.setAttribute("aria-expanded", "false");
    if (refocus) button.focus();
  };
  const entries = items.map(([words, choose]) => h("button", {
    type: "button", role: "menuitem", tabIndex: -1, on: { click: () => { shut(true); choose(); } },
  }, words));
  menu.append(...entries);
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    if (!menu.hidden) return shut(true);
    menu.hidden = false;
    button.setAttribute("aria-expanded", "true");
    entries[0].focus();
  });
  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") shut(event.key === "Escape");
    if (!step) return;
    event.preventDefault();
    entries[(entries.indexOf(document.activeElement) + step + entries.length) % entries.length].focus();
  });
  menu.addEventListener("focusout", (event) => { if (!menu.contains(event.relatedTarget)) shut(false); });
  button.after(menu);
}
