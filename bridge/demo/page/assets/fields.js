// The elements of a form's input blocks. Each answers { node, focus, value() } with what Slack's client would send.

import { avatar, h } from "./dom.js";
import { richTextInput } from "./editor.js";

const MAKERS = {
  plain_text_input: textInput,
  rich_text_input: richTextInput,
  static_select: select,
  radio_buttons: choices,
  checkboxes: choices,
  multi_users_select: users,
};

/** `given`: the ids that name and describe it, what it holds at first, and whom to tell of a change. */
export function makeField(element, given) {
  return MAKERS[element.type]({ element, ...given });
}

/** Whether the label has to be a legend, because there are several things to press. */
export const isGroup = (element) => ["radio_buttons", "checkboxes", "multi_users_select"].includes(element.type);

/** What a field holds by the form's own state, as the same simple value that `value()` answers. */
export function held(element, state) {
  const value = state ?? {};
  if (element.type === "plain_text_input") return value.value ?? "";
  if (element.type === "rich_text_input") return value.rich_text_value ?? null;
  if (element.type === "checkboxes") return (value.selected_options ?? []).map((each) => each.value);
  if (element.type === "multi_users_select") return value.selected_users ?? [];
  return value.selected_option?.value ?? null;
}

const placeholder = (element) => element.placeholder?.text;

function textInput({ element, id, describedby, initial, required, onInput }) {
  const shared = {
    id, placeholder: placeholder(element), "aria-describedby": describedby, "aria-required": String(required),
    maxLength: element.max_length ?? 3000, on: { input: onInput }, autocomplete: "off", dir: "auto",
  };
  const node = element.multiline ? h("textarea", { ...shared, rows: 4 }) : h("input", { ...shared, type: "text" });
  node.value = initial;
  return { node, focus: node, value: () => node.value };
}

function select({ element, id, describedby, initial, required, onInput, onChoice }) {
  const options = (offered) => offered.map((each) => h("option", { value: each.value }, each.text.text));
  const groups = (element.option_groups ?? []).map((group) =>
    h("optgroup", { label: group.label.text }, ...options(group.options)));
  const nothing = h("option", { value: "" }, placeholder(element) ?? "Choose one");
  const node = h("select", {
    id, "aria-describedby": describedby, "aria-required": String(required),
    on: { change: () => { onInput(); onChoice(); } },
  }, nothing, ...options(element.options ?? []), ...groups);
  node.value = initial ?? "";
  if (node.selectedIndex < 0) node.value = "";
  return { node: h("span", { class: "select" }, node), focus: node, value: () => node.value || null };
}

function choices({ element, id, initial, onInput, onChoice }) {
  const many = element.type === "checkboxes";
  const boxes = element.options.map((option, at) => h("input", {
    type: many ? "checkbox" : "radio", name: id, id: `${id}-${at}`, value: option.value,
    checked: many ? initial.includes(option.value) : initial === option.value,
    "aria-describedby": option.description ? `${id}-${at}-more` : null,
    on: { change: () => { onInput(); onChoice(); } },
  }));
  const rows = element.options.map((option, at) => h("div", { class: "choice" }, boxes[at],
    h("label", { for: `${id}-${at}` }, option.text.text),
    option.description && h("p", { id: `${id}-${at}-more` }, option.description.text)));
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const value = () => (many ? chosen() : chosen()[0] ?? null);
  return { node: h("div", { class: "choices" }, ...rows), focus: boxes[0], value };
}

/** People to choose from stand there at once: there are not many of them in the demo. */
function users({ id, initial, people, onInput }) {
  const boxes = people.map((person) => h("input", {
    type: "checkbox", id: `${id}-${person.id}`, value: person.id, checked: initial.includes(person.id),
    on: { change: onInput },
  }));
  const chips = people.map((person, at) => h("span", { class: "chip" }, boxes[at],
    h("label", { for: `${id}-${person.id}` }, avatar(person.id, person.name), person.name)));
  const value = () => boxes.filter((box) => box.checked).map((box) => box.value);
  return { node: h("div", { class: "chips" }, ...chips), focus: boxes[0], value };
}
