// Slack's mrkdwn and rich text as what people see.

import { h } from "./dom.js";

let emoji = {};
let names = {};

export async function loadEmoji() {
  emoji = await (await fetch("/emoji.json")).json();
}

/** Who is behind an id, and which channel. */
export function know(people, channels) {
  names = { ...channels, ...Object.fromEntries(people.map((each) => [each.id, each.name])) };
}

const TOKEN = new RegExp(
  [
    "```([\\s\\S]+?)```",
    "`([^`\\n]+)`",
    "<([^>\\n]+)>",
    "(?<![\\w*])\\*([^*\\n]+)\\*(?![\\w*])",
    "(?<!\\w)_([^_\\n]+)_(?!\\w)",
    "(?<!\\w)~([^~\\n]+)~(?!\\w)",
    ":([a-z0-9_+'-]+):",
  ].join("|"),
  "g",
);

/** mrkdwn as nodes. */
export function mrkdwn(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    nodes.push(plain(text.slice(at, found.index)), ...token(found));
    at = found.index + found[0].length;
  }
  return [...nodes, plain(text.slice(at))];
}

function token([whole, pre, code, angle, bold, italic, strike, name]) {
  if (pre) return [h("pre", {}, plain(pre))];
  if (code) return [h("code", {}, plain(code))];
  if (angle) return [reference(angle)];
  if (bold) return [h("strong", {}, ...mrkdwn(bold))];
  if (italic) return [h("em", {}, ...mrkdwn(italic))];
  if (strike) return [h("s", {}, ...mrkdwn(strike))];
  return [emoji[name] ?? whole];
}

function reference(inner) {
  const [target, label] = inner.split(/\|(.*)/s);
  if (target.startsWith("@") || target.startsWith("#")) return mention(target[0], target.slice(1), label);
  if (target.startsWith("!date^")) return date(Number(target.split("^")[1]));
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${target.slice(1)}`);
  return anchor(plain(target), label ? plain(label) : "");
}

function date(seconds) {
  const when = new Date(seconds * 1000);
  const shown = when.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return h("time", { datetime: when.toISOString() }, shown);
}

export function mention(sign, id, label) {
  return h("span", { class: "mention", "data-id": id, contenteditable: "false" }, sign + (names[id] ?? label ?? id));
}

export function anchor(url, label) {
  const safe = /^(https?:|mailto:|tel:)/.test(url);
  return safe ? h("a", { href: url, target: "_blank", rel: "noreferrer" }, label || url) : label || url;
}

function plain(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** A rich_text block as nodes. */
export function richText(block) {
  return (block?.elements ?? []).map(part);
}

function part(element) {
  const inner = () => element.elements.map(inline);
  if (element.type === "rich_text_list") {
    const tag = element.style === "ordered" ? "ol" : "ul";
    return h(tag, { class: element.indent ? `indent-${Math.min(element.indent, 3)}` : null },
      ...element.elements.map((item) => h("li", {}, ...item.elements.map(inline))));
  }
  if (element.type === "rich_text_quote") return h("blockquote", {}, ...inner());
  if (element.type === "rich_text_preformatted") return h("pre", {}, ...inner());
  return h("p", {}, ...inner());
}

const STYLES = { code: "code", strike: "s", italic: "em", bold: "strong" };

function inline(element) {
  let node = bare(element);
  for (const [style, tag] of Object.entries(STYLES)) if (element.style?.[style]) node = h(tag, {}, node);
  return node;
}

function bare(element) {
  if (element.type === "link") return anchor(element.url, element.text);
  if (element.type === "user") return mention("@", element.user_id);
  if (element.type === "channel") return mention("#", element.channel_id);
  if (element.type === "emoji") {
    return h("span", { "data-emoji": element.name }, emoji[element.name] ?? `:${element.name}:`);
  }
  return element.text ?? "";
}
