// Slack's rich_text_input: a small editor whose content is genuine rich_text.

import { h, icon } from "./dom.js";
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
    id, class: "writing", contenteditable: "true", role: "textbox", "aria-multiline": "true", "aria-required": "true",
    "aria-labelledby": label, "aria-describedby": describedby,
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
  return (anchorNode?.nodeType === Node.TEXT_NODE ? anchorNode.parentElement : anchorNode)?.closest?.(`.writing ${kind}`);
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
  if (event.key === "ArrowRight" && code && !code.nextSibling && anchorOffset === anchorNode.textContent.length) code.after("\u200b");
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
    if (event.key === "Escape") { url.value = ""; put(); event.stopPropagation(); }
    if (["Enter", "Escape"].includes(event.key)) event.preventDefault();
  };
  url.addEventListener("keydown", keys);
  const node = h("div", { class: "link-form", hidden: true }, url, h("button", { type: "button", on: { click: put } }, "Link"));
  return {
    node,
    open() {
      const selection = getSelection();
      if (!selection.rangeCount || !box.contains(selection.anchorNode)) { box.focus(); getSelection().selectAllChildren(box); getSelection().collapseToEnd(); }
      range = getSelection().getRangeAt(0).cloneRange();
      url.value = "";
      node.hidden = false;
      url.focus();
    },
  };
}

// ── reading it back ──────────────────────────────────────────────────────────

const MARKS = { B: "bold", STRONG: "bold", I: "italic", EM: "italic", S: "strike", STRIKE: "strike", DEL: "strike", CODE: "code" };
const LINES = new Set(["DIV", "P"]);

function read(box) {
  const parts = [];
  let line = [];
  const flush = () => {
    const elements = tidy(line);
    line = [];
    if (elements.length) parts.push({ type: "rich_text_section", elements });
  };
  // The browser makes a quote of each line; they are one.
  const quote = (node) => {
    const [made] = whole("rich_text_quote", node);
    if (made && parts.at(-1)?.type === made.type) parts.at(-1).elements.push({ type: "text", text: "\n" }, ...made.elements);
    else if (made) parts.push(made);
  };
  const visit = (node) => {
    if (node.nodeName === "UL" || node.nodeName === "OL") { flush(); parts.push(...list(node, 0)); }
    else if (node.nodeName === "BLOCKQUOTE") { flush(); quote(node); }
    else if (node.nodeName === "PRE") { flush(); parts.push(...whole("rich_text_preformatted", node)); }
    else if (LINES.has(node.nodeName)) {
      if (line.length && !endsLine(line)) line.push({ type: "text", text: "\n" });
      // A list that was made inside of a line stands there as a block all the same.
      node.childNodes.forEach(visit);
      if (line.length && !endsLine(line)) line.push({ type: "text", text: "\n" });
    } else line.push(...inlines(node, {}));
  };
  box.childNodes.forEach(visit);
  flush();
  return parts.length ? { type: "rich_text", elements: parts } : null;
}

const endsLine = (line) => Boolean(line.at(-1).text?.endsWith("\n"));

function whole(type, node) {
  const elements = tidy([...node.childNodes].flatMap((each) => {
    const found = inlines(each, {});
    return LINES.has(each.nodeName) ? [...found, { type: "text", text: "\n" }] : found;
  }));
  return elements.length ? [{ type, elements }] : [];
}

function list(node, indent) {
  const style = node.nodeName === "OL" ? "ordered" : "bullet";
  const found = [];
  for (const item of node.children) {
    if (item.nodeName === "UL" || item.nodeName === "OL") { found.push(...list(item, indent + 1)); continue; }
    const nested = [...item.children].filter((each) => each.nodeName === "UL" || each.nodeName === "OL");
    const own = [...item.childNodes].filter((each) => !nested.includes(each));
    const elements = tidy(own.flatMap((each) => inlines(each, {})));
    const last = found.at(-1);
    const row = { type: "rich_text_section", elements };
    if (elements.length && last?.indent === indent && last.style === style) last.elements.push(row);
    else if (elements.length) found.push({ type: "rich_text_list", style, indent, elements: [row] });
    nested.forEach((each) => found.push(...list(each, indent + 1)));
  }
  return found;
}

function inlines(node, style) {
  const styled = Object.keys(style).length ? { style } : {};
  if (node.nodeType === Node.TEXT_NODE) {
    const text = node.data.replaceAll("\u200b", "").replaceAll("\u00a0", " ");
    return text ? [{ type: "text", text, ...styled }] : [];
  }
  if (node.nodeName === "BR") return [{ type: "text", text: "\n" }];
  if (node.dataset?.emoji) return [{ type: "emoji", name: node.dataset.emoji }];
  if (node.dataset?.id) return [node.textContent[0] === "#"
    ? { type: "channel", channel_id: node.dataset.id } : { type: "user", user_id: node.dataset.id }];
  if (node.nodeName === "A") return [{ type: "link", url: node.getAttribute("href"), text: node.textContent, ...styled }];
  const mark = MARKS[node.nodeName];
  return [...node.childNodes].flatMap((each) => inlines(each, mark ? { ...style, [mark]: true } : style));
}

/** Neighbours of one style become one text, and no blank lines stand at either end. */
function tidy(elements) {
  const found = [];
  for (const each of elements) {
    const last = found.at(-1);
    const same = last?.type === "text" && each.type === "text" && JSON.stringify(last.style) === JSON.stringify(each.style);
    if (same) last.text += each.text;
    else found.push({ ...each });
  }
  if (found[0]?.type === "text") found[0].text = found[0].text.replace(/^\n+/, "");
  if (found.at(-1)?.type === "text") found.at(-1).text = found.at(-1).text.replace(/\n+$/, "");
  return found.filter((each) => each.type !== "text" || each.text);
}
