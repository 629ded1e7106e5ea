// The Slack-like side: the channels, the conversation, the composer.

import * as commands from "./commands.js";
import { $, announce, h, icon, reconcile, showUp } from "./dom.js";
import { menuButton } from "./menu.js";
import { message } from "./messages.js";
import { act } from "./net.js";

let seen = { channels: [], people: [] };
let here = null;
const read = new Map();

/** Wires what is always there. */
export function begin() {
  const words = $("words");
  $("composer").addEventListener("submit", send);
  words.addEventListener("input", () => { complain(""); suggest(); });
  words.addEventListener("focus", suggest);
  words.addEventListener("keydown", (event) => {
    const used = commands.heed(event);
    const sends = !used && event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (used || sends) event.preventDefault();
    if (sends) $("composer").requestSubmit();
  });
  $("commands").parentElement.addEventListener("focusout", (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) commands.shut();
  });
  menuButton($("shortcuts"), [["New community post", () => doing("begin", {})]]);
  commands.begin(compose);
}

/** Puts words into the composer, ready to be sent. */
export function compose(words) {
  $("words").value = words;
  $("words").focus();
  suggest();
}

function suggest() {
  const { value } = $("words");
  commands.offer(value);
  $("words").rows = Math.min(6, Math.max(1, value.split("\n").length, Math.ceil(value.length / 56)));
}

async function send(event) {
  event.preventDefault();
  const text = $("words").value.trim();
  if (!text) return;
  const [command, ...rest] = text.split(/\s/);
  if (command.startsWith("/") && command !== "/community") {
    complain(`${command} is not a valid command. In this demo there is /community.`);
    return;
  }
  $("words").value = "";
  // Whoever sends something wants to see what comes of it.
  $("messages").scrollTop = $("messages").scrollHeight;
  suggest();
  const typed = rest.length ? text.slice(command.length + 1) : "";
  const [what, said] = command === "/community" ? ["command", typed] : ["say", text];
  const trouble = await doing(what, { channel: here, text: said });
  // What did not get through is not lost, unless something else is being typed by now.
  if (trouble && !$("words").value) compose(text);
}

async function doing(what, args) {
  const { trouble } = await act(what, seen.me, args);
  complain(trouble);
  return trouble;
}

function complain(trouble) {
  $("trouble").textContent = trouble;
}

/** Shows the workspace as one person sees it. */
export function show(state) {
  const changed = seen.me !== state.me;
  const known = new Set(seen.channels.flatMap((each) => each.messages.map(({ ts }) => ts)));
  seen = state;
  if (changed) state.channels.forEach((each) => read.set(each.id, each.messages.length));
  if (!state.channels.some((each) => each.id === here)) here = state.channels[0].id;
  draw();
  if (changed) return;
  const told = state.channels.flatMap((each) => each.messages).filter((each) => each.bot && !known.has(each.ts));
  told.forEach((each) => announce(`bridge, to you alone: ${each.text}`));
}

function draw() {
  const channel = seen.channels.find((each) => each.id === here);
  read.set(here, channel.messages.length);
  reconcile($("channels"), seen.channels.map(entry), (each) => each.id, channelButton);
  $("shortcuts").hidden = !hasApp();
  $("place").replaceChildren(icon(sign(channel)), channel.name);
  $("topic").textContent = topic(channel);
  $("words").placeholder = channel.app ? "Write to bridge" : `Message #${channel.name}, or type /community`;
  drawMessages(channel.messages);
}

/** Stays at the end if it was there. */
function drawMessages(messages) {
  const list = $("messages");
  const atEnd = list.channel !== here || list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const shown = messages.length ? messages : [{ ts: "none" }];
  const as = seen.me;
  reconcile(list.firstElementChild, shown.map((each) => ({ ...each, here, as })), (each) => here + each.ts,
    (each) => message(each, way(here)));
  list.channel = here;
  if (atEnd) list.scrollTop = list.scrollHeight;
}

const way = (channel) => ({
  nameOf: (id) => seen.people.find((each) => each.id === id)?.name ?? id,
  press: (ts, element) => doing("press", { ts, action: element.action_id, value: element.value }),
  share: hasApp() && ((ts) => doing("share", { channel, ts })),
});

/** Slack shows an app to nobody from another company. */
const hasApp = () => seen.channels.some((each) => each.app);

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
  const unseen = (words) => h("span", { class: "unseen" }, words);
  const kind = { lock: " (private)", shared: " (shared)", app: " (app)" }[picture];
  const face = h("span", { class: "name" }, name, kind && unseen(kind));
  const count = unread > 0 && h("span", { class: "unread" }, unread, unseen(" new"));
  const on = { click: () => goTo(id) };
  const button = h("button", { type: "button", "aria-current": now ? "page" : null, on }, icon(picture), face, count);
  return h("li", { class: picture === "app" ? "apps" : null }, button);
}

function goTo(channel) {
  here = channel;
  complain("");
  draw();
}

/** Goes to a message by its channel and ts, if this person may see it. */
export function visit(channel, ts) {
  if (!seen.channels.some((each) => each.id === channel)) return complain("You are not in that channel.");
  goTo(channel);
  const found = $("messages").querySelector(`[data-ts="${CSS.escape(ts)}"]`);
  return found && showUp(found);
}

/** Opens the menu of a message, for whoever wants to be shown. */
export function pointAtMenu(channel) {
  goTo(channel);
  const buttons = $("messages").querySelectorAll(".more");
  const button = buttons[Math.min(1, buttons.length - 1)];
  button?.scrollIntoView({ block: "center" });
  button?.click();
}
