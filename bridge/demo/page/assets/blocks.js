// Block Kit as people see it: every block that bridge sends, in messages and in forms.

import { h } from "./dom.js";
import { held, isGroup, makeField } from "./fields.js";
import { mrkdwn, richText } from "./words.js";

const MAKERS = {
  section: (block) => h("div", { class: "section" }, ...textOf(block.text)),
  context: (block) => h("div", { class: "context" }, ...block.elements.map((each) => h("span", {}, ...textOf(each)))),
  header: (block) => h("h4", {}, ...textOf(block.text)),
  divider: () => h("hr"),
  rich_text: (block) => h("div", { class: "rich" }, ...richText(block)),
  actions: (block, way) => h("div", { class: "actions" }, ...block.elements.map((each) => button(each, way))),
  input: (block, way) => input(block, way),
};

/** One block; `way` has `press(element)`, and in a form `fields`, `typed`, `state`, `people`, `choose(block, name)`. */
export function makeBlock(block, way) {
  return MAKERS[block.type](block, way);
}

function textOf(text) {
  return text.type === "mrkdwn" ? mrkdwn(text.text) : [text.text];
}

function button(element, way) {
  const face = { class: `button ${element.style ?? ""}`, "data-action": element.action_id };
  if (element.url) {
    // Slack opens the address and tells the app of the press as well.
    const on = { click: () => way.press(element) };
    return h("a", { ...face, href: element.url, target: "_blank", rel: "noreferrer", on }, element.text.text);
  }
  return h("button", { ...face, type: "button", on: { click: () => way.press(element) } }, element.text.text);
}

function input(block, way) {
  const { element } = block;
  const name = element.action_id;
  const ids = { id: `field-${name}`, label: `label-${name}`, error: `error-${name}`, hint: `hint-${name}` };
  const field = makeField(element, {
    id: ids.id,
    label: ids.label,
    describedby: block.hint ? `${ids.error} ${ids.hint}` : ids.error,
    initial: way.typed.has(name) ? way.typed.get(name) : held(element, way.state[block.block_id]?.[name]),
    required: !block.optional,
    people: way.people,
    onInput: () => way.typed.set(name, field.value()),
    onChoice: () => block.dispatch_action && way.choose(block.block_id, name),
  });
  field.focus.dataset.action = name;
  way.fields.set(block.block_id, { focus: field.focus, error: ids.error });
  const extra = block.optional ? h("span", { class: "optional" }, " (optional)") : null;
  const [outer, inner, labelled] = isGroup(element) ? ["fieldset", "legend", null] : ["div", "label", ids.id];
  return h(outer, { class: "field" },
    h(inner, { id: ids.label, for: labelled }, block.label.text, extra),
    field.node,
    h("p", { id: ids.error, class: "error" }),
    block.hint && h("p", { id: ids.hint, class: "hint" }, block.hint.text));
}
