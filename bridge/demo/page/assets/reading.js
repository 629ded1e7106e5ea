// What stands in the editor, read back as Slack's rich text.

const MARKS = {
  B: "bold", STRONG: "bold", I: "italic", EM: "italic", S: "strike", STRIKE: "strike", DEL: "strike", CODE: "code",
};
const LISTS = new Set(["UL", "OL"]);
const BLOCKS = new Set(["BLOCKQUOTE", "PRE"]);
const LINES = new Set(["DIV", "P"]);

/** The box's content as a rich_text block, or null when it holds no words. */
export function read(box) {
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
    const last = parts.at(-1);
    if (made && last?.type === made.type) last.elements.push({ type: "text", text: "\n" }, ...made.elements);
    else if (made) parts.push(made);
  };
  const newLine = () => { if (line.length && !endsLine(line)) line.push({ type: "text", text: "\n" }); };
  const visit = (node) => {
    if (!LISTS.has(node.nodeName) && !BLOCKS.has(node.nodeName) && !LINES.has(node.nodeName)) {
      line.push(...inlines(node, {}));
      return;
    }
    if (LINES.has(node.nodeName)) {
      newLine();
      // A list that was made inside of a line stands there as a block all the same.
      node.childNodes.forEach(visit);
      newLine();
      return;
    }
    flush();
    if (LISTS.has(node.nodeName)) parts.push(...list(node, 0));
    else if (node.nodeName === "BLOCKQUOTE") quote(node);
    else parts.push(...whole("rich_text_preformatted", node));
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
    if (LISTS.has(item.nodeName)) {
      found.push(...list(item, indent + 1));
      continue;
    }
    const nested = [...item.children].filter((each) => LISTS.has(each.nodeName));
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
  if (node.dataset?.id) return [mentioned(node)];
  if (node.nodeName === "A") {
    return [{ type: "link", url: node.getAttribute("href"), text: node.textContent, ...styled }];
  }
  const mark = MARKS[node.nodeName];
  return [...node.childNodes].flatMap((each) => inlines(each, mark ? { ...style, [mark]: true } : style));
}

function mentioned({ textContent, dataset }) {
  return textContent[0] === "#" ? { type: "channel", channel_id: dataset.id } : { type: "user", user_id: dataset.id };
}

/** Neighbours of one style become one text, and no blank lines stand at either end. */
function tidy(elements) {
  const found = [];
  for (const each of elements) {
    const last = found.at(-1);
    const alike = JSON.stringify(last?.style) === JSON.stringify(each.style);
    if (alike && last?.type === "text" && each.type === "text") last.text += each.text;
    else found.push({ ...each });
  }
  if (found[0]?.type === "text") found[0].text = found[0].text.replace(/^\n+/, "");
  if (found.at(-1)?.type === "text") found.at(-1).text = found.at(-1).text.replace(/\n+$/, "");
  return found.filter((each) => each.type !== "text" || each.text);
}
