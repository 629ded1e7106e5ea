// Messages as the workspace shows them: what people said, and what bridge tells one person alone.

import { avatar, clock, h, icon } from "./dom.js";
import { makeBlock } from "./blocks.js";
import { menuButton } from "./menu.js";
import { mrkdwn } from "./words.js";

/** One message with its replies; `way` has `nameOf(id)`, `press(ts, element)`, and `share(ts)` where there is an app. */
export function message(each, way) {
  if (!each.user && !each.bot) return nothingYet();
  const replies = each.replies ?? [];
  return h("li", { class: each.quiet ? "quiet" : null }, body(each, way), replies.length ? thread(replies, way) : null);
}

function nothingYet() {
  return h("li", { class: "empty" },
    h("p", {}, "What bridge tells you outside of a channel arrives here."),
    h("p", {}, "Write “hello” to it, and it says what it can do."));
}

function thread(replies, way) {
  const count = `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`;
  const rows = replies.map((reply) => h("li", {}, body(reply, way)));
  return h("details", { open: true }, h("summary", {}, count), h("ol", { class: "replies" }, ...rows));
}

function body(each, way) {
  const name = each.bot ? "bridge" : way.nameOf(each.user);
  return h("article", { "data-ts": each.ts },
    each.quiet && h("p", { class: "only" }, icon("eye"), "Only visible to you"),
    each.bot ? h("span", { class: "avatar app", "aria-hidden": "true" }, icon("app")) : avatar(each.user, name),
    h("div", { class: "said" }, who(each, name), ...content(each, way), ...(each.files ?? []).map(file)),
    !each.bot && way.share && menu(each, name, way));
}

function who(each, name) {
  const badge = each.bot && h("span", { class: "badge" }, "App");
  return h("p", { class: "who" }, h("strong", {}, name), badge, " ", clock(new Date(Number(each.ts) * 1000)));
}

function content(each, way) {
  const blocks = each.blocks ?? [];
  const press = (element) => way.press(each.ts, element);
  if (blocks.length) return blocks.map((block) => makeBlock(block, { press }));
  return [h("div", { class: "section" }, ...mrkdwn(each.text ?? ""))];
}

function file({ title, filetype, size }) {
  const long = size > 500_000 ? `${(size / 1e6).toFixed(1)} MB` : `${Math.round(size / 1000)} kB`;
  const about = h("small", {}, `${filetype.toUpperCase()} · ${long}`);
  return h("p", { class: "file" }, icon("file"), h("span", {}, h("strong", {}, title), about));
}

function menu(each, name, way) {
  const label = `More actions for ${name}’s message`;
  const button = h("button", { type: "button", class: "more", "aria-label": label }, icon("more"));
  const place = h("span", { class: "holds-menu" }, button);
  menuButton(button, [["Post to community", () => way.share(each.ts)]]);
  return place;
}
