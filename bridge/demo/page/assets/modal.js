// The form that bridge opened: shown as a dialog, kept in step with every update that bridge makes of it.

import { $, announce, h, reconcile } from "./dom.js";
import { makeBlock } from "./blocks.js";
import { act } from "./net.js";

let me = "";
let people = [];
let view = null;
let opener = null;
let typed = new Map();
let fields = new Map();

const dialog = () => $("modal");

/** Shows what bridge wants shown now; `next` is a view as Slack keeps it, or null. */
export function show(next, who, everybody) {
  [me, people] = [who, everybody];
  if (!next) return close();
  if (view?.id !== next.id) open(next);
  if (view?.hash !== next.hash) draw(next);
}

function open(next) {
  opener = dialog().open ? opener : document.activeElement;
  [typed, fields, view] = [new Map(), new Map(), null];
  const form = h("form", { on: { submit, keydown: submitByKey }, novalidate: true },
    h("div", { class: "head" }, h("h2", { id: "modal-title", tabIndex: -1 }),
      h("button", { type: "button", class: "x", "aria-label": "Close", on: { click: leave } }, "×")),
    h("p", { id: "modal-trouble", role: "alert" }),
    h("div", { id: "modal-blocks" }),
    h("div", { class: "feet" }));
  dialog().replaceChildren(form);
  dialog().oncancel = (event) => { event.preventDefault(); leave(); };
  if (!dialog().open) dialog().showModal();
}

function draw(next) {
  const first = view === null;
  const before = document.activeElement?.dataset?.action;
  const had = new Set(actions().map((each) => each.dataset.action));
  const kinds = new Set(next.blocks.filter((each) => each.type === "input").map((each) => each.element.action_id));
  for (const name of typed.keys()) if (!kinds.has(name)) typed.delete(name);
  if (!kinds.size) fields.clear();
  const way = { press, choose, typed, fields, people, state: next.state.values };
  $("modal-title").textContent = next.title.text;
  const key = (block, at) => (block.type === "input" ? block.block_id : `${block.type}-${at}`);
  reconcile($("modal-blocks"), next.blocks, key, (block) => makeBlock(block, way));
  dialog().querySelector(".feet").replaceChildren(...feet(next));
  const words = $("modal-blocks").querySelector(".section")?.textContent;
  if (!next.submit && words) announce(words);
  [view, next] = [next, null];
  settleFocus(first, before, had);
}

function feet(next) {
  const close = next.close && h("button", { type: "button", class: "button", on: { click: leave } }, next.close.text);
  const send = next.submit && h("button", { type: "submit", class: "button primary" }, next.submit.text);
  return [close, send].filter(Boolean);
}

const actions = () => [...dialog().querySelectorAll("#modal-blocks [data-action]")];

/** Into the first field at first; later it stays where it was. Where that is gone, it goes to what came instead. */
function settleFocus(first, before, had) {
  const [field] = actions();
  if (first) return (view.submit && field ? field : $("modal-title")).focus();
  if (dialog().contains(document.activeElement) && document.activeElement !== dialog()) return null;
  const same = before && dialog().querySelector(`[data-action="${CSS.escape(before)}"]`);
  const fresh = actions().find((each) => !had.has(each.dataset.action));
  return (same || (view.submit && (fresh ?? field)) || $("modal-title")).focus();
}

function close() {
  if (!dialog().open) return;
  view = null;
  dialog().close();
  dialog().replaceChildren();
  opener?.focus();
}

const asked = () => ({ view: view.id, values: Object.fromEntries(typed) });

function press(element) {
  act("press", me, { ...asked(), action: element.action_id, value: element.value });
}

function choose(block, action) {
  act("choose", me, { ...asked(), block, action });
}

function leave() {
  if (view) act("close", me, { view: view.id });
}

function submitByKey(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
}

async function submit(event) {
  event.preventDefault();
  const button = dialog().querySelector("[type=submit]");
  if (!button || button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  complain({}, "");
  const { errors, trouble } = await act("submit", me, asked());
  button.ariaBusy = "false";
  complain(errors, Object.keys(errors).length ? "" : trouble);
}

/** Each error under its field, and the first of them under the cursor. */
function complain(errors, trouble) {
  if ($("modal-trouble")) $("modal-trouble").textContent = trouble;
  let first = null;
  for (const [block, { focus, error }] of fields) {
    if (!$(error)) continue;
    $(error).textContent = errors[block] ?? "";
    focus.toggleAttribute("aria-invalid", false);
    if (!errors[block]) continue;
    focus.setAttribute("aria-invalid", "true");
    first ??= focus;
  }
  first?.focus();
  first?.closest(".field").querySelector(".error").scrollIntoView({ block: "nearest" });
  if (first) announce(Object.values(errors).join(" "));
}
