// The Slack-like side: channels, messages, the composer.

import { $, announce, avatar, clock, h, icon, reconcile, showUp } from "./dom.js";
import { makeBlock } from "./blocks.js";
import { menuButton } from "./menu.js";
import { act } from "./net.js";
import { mrkdwn } from "./words.js";

let seen = { channels: [], people: [] };
let here = null;
const read = new Map();

const COMMANDS = [
  ["/community", "opens the form"],
  ["/community post Tea | It is ready! #kitchen", "posts at once"],
  ["/community whoami", "which account you post as"],
  ["/community status", "your latest posts"],
  ["/community help", "what it understands"],
];

/** Wires what is always there. */
export function begin() {
  const words = $("words");
  $("composer").addEventListener("submit", send);
  words.addEventListener("input", suggest);
  words.addEventListener("focus", suggest);
  $("commands").parentElement.addEventListener("focusout", (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) $("commands").hidden = true;
  });
  words.addEventListener("keydown", (event) => {
    if (event.key === "Escape") $("commands").hidden = true;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("composer").requestSubmit();
  });
  menuButton($("shortcuts"), [["New community post", async () => complain(await act("begin", seen.me))]]);
  reconcile($("commands"), COMMANDS, (each) => each[0], ([command, about]) => h("li", {},
    h("button", { type: "button", on: { click: () => compose(command) } }, h("code", {}, command), " ", h("span", {}, about))));
}

/** Puts words into the composer, ready to be sent. */
export function compose(words) {
  $("words").value = words;
  $("words").focus();
  suggest();
}

function suggest() {
  const { value } = $("words");
  $("commands").hidden = !(value && "/community".startsWith(value));
  $("words").rows = Math.min(6, Math.max(1, value.split("\n").length, Math.ceil(value.length / 56)));
}

async function send(event) {
  event.preventDefault();
  const text = $("words").value.trim();
  if (!text) return;
  const [command, ...rest] = text.split(/\s/);
  if (command.startsWith("/") && command !== "/community") {
    complain({ trouble: `${command} is not a valid command. In this demo there is /community.` });
    return;
  }
  $("words").value = "";
  suggest();
  const typed = rest.length ? text.slice(command.length + 1) : "";
  const [doing, said] = command === "/community" ? ["command", typed] : ["say", text];
  const reply = await act(doing, seen.me, { channel: here, text: said });
  complain(reply);
  // What did not get through is not lost, unless something else is being typed by now.
  if (reply.trouble && !$("words").value) compose(text);
}

function complain({ trouble }) {
  $("trouble").textContent = trouble;
}

/** Shows the workspace as one person sees it. */
export function show(state) {
  const changed = seen.me !== state.me;
  const known = new Set(changed ? [] : seen.channels.flatMap((each) => each.messages.map((message) => message.ts)));
  const fresh = changed ? [] : state.channels.flatMap((each) => each.messages.filter((message) => message.bot && !known.has(message.ts)));
  seen = state;
  if (changed) read.clear();
  if (!state.channels.some((each) => each.id === here)) here = state.channels[0].id;
  if (changed) state.channels.forEach((each) => read.set(each.id, each.messages.length));
  draw();
  fresh.forEach((message) => announce(`bridge, to you alone: ${message.text}`));
}

function draw() {
  const channel = seen.channels.find((each) => each.id === here);
  read.set(here, channel.messages.length);
  reconcile($("channels"), seen.channels.map(entry), (each) => each.id, channelButton);
  $("shortcuts").hidden = !hasApp();
  $("place").replaceChildren(icon(sign(channel)), channel.name);
  $("topic").textContent = topic(channel);
  $("words").placeholder = channel.app ? "Write to bridge" : `Message #${channel.name}, or type /community`;
  const list = $("messages");
  const atEnd = list.channel !== here || list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.channel = here;
  reconcile(list.firstElementChild, channel.messages.length ? channel.messages.map((each) => ({ ...each, here })) : [{ ts: `empty-${here}` }], (each) => here + each.ts, message);
  if (atEnd) list.scrollTop = list.scrollHeight;
}

const sign = (channel) => (channel.app ? "app" : channel.private ? "lock" : channel.shared ? "shared" : "hash");

function topic(channel) {
  if (channel.app) return "Direct messages from bridge";
  if (channel.shared) return "Shared with Tidewater, another company";
  return channel.private ? "Private channel" : "Public channel";
}

const entry = (channel) => ({
  id: channel.id, name: channel.name, sign: sign(channel), now: channel.id === here,
  unread: channel.messages.length - (read.get(channel.id) ?? 0),
});

function channelButton({ id, name, sign: picture, now, unread }) {
  const choose = () => { here = id; complain({ trouble: "" }); draw(); };
  const hidden = { lock: " (private)", shared: " (shared)", app: " (app)" }[picture];
  return h("li", { class: picture === "app" ? "apps" : null }, h("button", { type: "button", "aria-current": now ? "page" : null, on: { click: choose } },
    icon(picture), h("span", { class: "name" }, name, hidden && h("span", { class: "unseen" }, hidden)),
    unread > 0 && h("span", { class: "unread" }, unread, h("span", { class: "unseen" }, " new"))));
}

function message(each) {
  if (!each.user && !each.bot) return h("li", { class: "empty" }, h("p", {}, "What bridge tells you outside of a channel arrives here."), h("p", {}, "Write “hello” to it, and it says what it can do."));
  const replies = (each.replies ?? []).map((reply) => h("li", {}, body(reply)));
  const more = replies.length ? h("details", { open: true }, h("summary", {}, `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`), h("ol", { class: "replies" }, ...replies)) : null;
  return h("li", { class: each.quiet ? "quiet" : null }, body(each), more);
}

function body(each) {
  const name = each.bot ? "bridge" : nameOf(each.user);
  const picture = each.bot ? h("span", { class: "avatar app", "aria-hidden": "true" }, icon("app")) : avatar(each.user, name);
  return h("article", { "data-ts": each.ts },
    each.quiet && h("p", { class: "only" }, icon("eye"), "Only visible to you"),
    picture,
    h("div", { class: "said" },
      h("p", { class: "who" }, h("strong", {}, name), each.bot && h("span", { class: "badge" }, "App"), " ", clock(new Date(Number(each.ts) * 1000))),
      ...shown(each), ...(each.files ?? []).map(file)),
    each.bot || !hasApp() ? null : more(each, name));
}

function shown(each) {
  const press = (element) => act("press", seen.me, { ts: each.ts, action: element.action_id, value: element.value }).then(complain);
  const blocks = each.blocks ?? [];
  return blocks.length ? blocks.map((block) => makeBlock(block, { press })) : [h("div", { class: "section" }, ...mrkdwn(each.text ?? ""))];
}

function file(each) {
  const size = each.size > 500_000 ? `${(each.size / 1e6).toFixed(1)} MB` : `${Math.round(each.size / 1000)} kB`;
  return h("p", { class: "file" }, icon("file"), h("span", {}, h("strong", {}, each.title), h("small", {}, `${each.filetype.toUpperCase()} · ${size}`)));
}

function more(each, name) {
  const button = h("button", { type: "button", class: "more", "aria-label": `More actions for ${name}’s message` }, icon("more"));
  const place = h("span", { class: "holds-menu" }, button);
  const channel = here;
  menuButton(button, [["Post to community", async () => complain(await act("share", seen.me, { channel, ts: each.ts }))]]);
  return place;
}

/** Slack shows an app to nobody from another company. */
const hasApp = () => seen.channels.some((each) => each.app);

const nameOf = (id) => seen.people.find((each) => each.id === id)?.name ?? id;

/** Goes to a message by its channel and ts; says whether this person may see it. */
export function visit(channel, ts) {
  if (!seen.channels.some((each) => each.id === channel)) return complain({ trouble: "You are not in that channel." });
  here = channel;
  draw();
  const found = $("messages").querySelector(`[data-ts="${CSS.escape(ts)}"]`);
  if (found) showUp(found);
  return null;
}

/** Opens the menu of the first message that `who` wrote here, for whoever wants to be shown. */
export function pointAtMenu(channel) {
  here = channel;
  draw();
  const buttons = $("messages").querySelectorAll(".more");
  const button = buttons[Math.min(1, buttons.length - 1)];
  button.scrollIntoView({ block: "center" });
  button.click();
}
