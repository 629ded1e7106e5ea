// Slack's rich_text_input: a small editor whose content is genuine rich_text.

import { h, icon } from "./dom.js";
import { read } from "./reading.js";
import { richText } from "./words.js";

const TOOLS = [
  ["Bold", "B", () => document.execCommand("bold", false)],
  ["Italic", "I", () => document.execCommand("italic", false)],
  ["Strikethrough", "S", () => document.execCommand("strikeThrough", false)],
  ["Code", "code", wrapInCode],
  ["Link", "link", null],
  ["Bulleted list", "list", () => document.execCommand("insertUnorderedList", false)],
  ["Numbered list", "numbers", () => document.execCommand("insertOrderedList", false)],
  ["Quote", "quote", () => document.execCommand("formatBlock", false, around("blockquote") ? "div" : "blockquote")],
];

/** The editor; `value()` is its rich_text, or null while nothing is written. */
export function richTextInput({ id, label, describedby, initial, onInput }) {
  const box = h("div", {
    id, class: "writing", dir: "auto", contenteditable: "true", role: "textbox", "aria-multiline": "true",
    "aria-required": "true", "aria-labelledby": label, "aria-describedby": describedby,
    on: { input: onInput, paste: pasteAsText, keydown: leave },
  }, ...richText(initial));
  const asks = linkForm(box, onInput);
  const bar = h("div", { class: "bar", role: "toolbar", "aria-label": "Formatting", "aria-controls": id },
    ...TOOLS.map(([name, sign, apply], at) => tool(name, sign, at, () => {
      if (!apply) return asks.open();
      box.focus();
      apply();
      onInput();
    })));
  bar.addEventListener("keydown", walk);
  return { node: h("div", { class: "editor" }, bar, asks.node, box), focus: box, value: () => read(box) };
}

function tool(name, sign, at, press) {
  const face = sign.length === 1 ? h("span", { class: `letter ${name.toLowerCase()}` }, sign) : icon(sign);
  // The selection must not be lost to the button.
  const on = { mousedown: (event) => event.preventDefault(), click: press };
  return h("button", { type: "button", "aria-label": name, title: name, tabIndex: at ? -1 : 0, on }, face);
}

function walk(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const all = [...event.currentTarget.children];
  const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
  all.forEach((each) => { each.tabIndex = each === next ? 0 : -1; });
  next.focus();
  event.preventDefault();
}

/** The element of this kind that the cursor is in. */
function around(kind) {
  const { anchorNode } = getSelection();
  const element = anchorNode?.nodeType === Node.TEXT_NODE ? anchorNode.parentElement : anchorNode;
  return element?.closest?.(`.writing ${kind}`);
}

function wrapInCode() {
  const range = getSelection().getRangeAt(0);
  const inside = around("code");
  if (inside) inside.replaceWith(...inside.childNodes);
  else if (!range.collapsed) putAfter(range, h("code", {}, range.toString()));
}

/** Puts a node in the range's place, and the cursor behind it: what is typed next is none of it. */
function putAfter(range, node) {
  const behind = document.createTextNode("\u200b");
  range.deleteContents();
  range.insertNode(behind);
  range.insertNode(node);
  getSelection().collapse(behind, 1);
}

/** Enter on an empty line of a quote leaves it, and the right arrow leaves code at its end. */
function leave(event) {
  const { anchorNode, anchorOffset } = getSelection();
  const [quote, code] = [around("blockquote"), around("code")];
  if (event.key === "Enter" && quote && !quote.textContent.trim()) {
    document.execCommand("formatBlock", false, "div");
    event.preventDefault();
  }
  const atEnd = code && !code.nextSibling && anchorOffset === anchorNode.textContent.length;
  if (event.key === "ArrowRight" && atEnd) code.after("\u200b");
}

function pasteAsText(event) {
  event.preventDefault();
  document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
}

function linkForm(box, onInput) {
  let range = null;
  const url = h("input", { type: "url", placeholder: "https://", "aria-label": "Address of the link" });
  const put = () => {
    node.hidden = true;
    box.focus();
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (!/^(https?:|mailto:)/.test(url.value)) return;
    if (range.collapsed) putAfter(range, h("a", { href: url.value }, url.value));
    else document.execCommand("createLink", false, url.value);
    onInput();
  };
  const keys = (event) => {
    if (event.key === "Enter") put();
    if (event.key === "Escape") {
      url.value = "";
      put();
      event.stopPropagation();
    }
    if (["Enter", "Escape"].includes(event.key)) event.preventDefault();
  };
  url.addEventListener("keydown", keys);
  const button = h("button", { type: "button", on: { click: put } }, "Link");
  const node = h("div", { class: "link-form", hidden: true }, url, button);
  return {
    node,
    open() {
      const selection = getSelection();
      if (!box.contains(selection.anchorNode)) {
        selection.selectAllChildren(box);
        selection.collapseToEnd();
      }
      range = selection.getRangeAt(0).cloneRange();
      url.value = "";
      node.hidden = false;
      url.focus();
    },
  };
}
