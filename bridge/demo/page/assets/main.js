// Ties the page together: one stream of state in, everything that people do out.

import { $, announce, avatar, h, reconcile } from "./dom.js";
import * as board from "./board.js";
import * as deck from "./deck.js";
import * as modal from "./modal.js";
import { act, follow } from "./net.js";
import { know, loadEmoji } from "./words.js";
import * as workspace from "./workspace.js";

let me = sessionStorage.getItem("as") ?? "U0ANA";

function show(state) {
  if (state.me !== me) return;
  $("away").hidden = true;
  $("main").inert = false;
  know(state.people, state.names);
  showPeople(state.people);
  workspace.show(state);
  deck.show(state.crossings);
  board.show(state.board, me);
  board.showMoods(state.moods, state.mood, (mood) => act("mood", me, { mood }));
  modal.show(state.view, me, state.people);
  visitAddress();
  markFresh({ deck: state.crossings.map((each) => [each.id, each.ended]), board: state.board.threads.map(({ id }) => id) });
}

function showPeople(people) {
  reconcile($("people"), people, (each) => each.id, ({ id, name }) => h("span", { class: "person" },
    h("input", { type: "radio", name: "me", id: `me-${id}`, value: id, on: { change: () => become(id) } }),
    h("label", { for: `me-${id}` }, avatar(id, name), h("span", { class: "name" }, name.split(" ")[0]))));
  people.forEach((each) => { $(`me-${each.id}`).checked = each.id === me; });
  $("about").textContent = people.find((each) => each.id === me).about;
}

function become(id) {
  me = id;
  sessionStorage.setItem("as", id);
  // What is shown is still somebody else's, and must not be done in the new one's name, nor the other way round.
  $("main").inert = true;
  follow(me, show, away);
}

function away() {
  $("away").hidden = false;
}

// ── the three parts, of which a phone shows one ──────────────────────────────

function turnTo(part) {
  $("main").dataset.part = part;
  for (const each of $("parts").children) each.setAttribute("aria-pressed", String(each.dataset.part === part));
  if (looked.now) markFresh(looked.now);
}

const looked = { as: null, now: null };

/** A dot on the part that holds something which was not there when it was last looked at; `now` is what is there. */
function markFresh(now) {
  const anew = looked.as !== me;
  [looked.as, looked.now] = [me, now];
  for (const [part, there] of Object.entries(now)) {
    const tab = $("parts").querySelector(`[data-part=${part}]`);
    if (anew || $("main").dataset.part === part) looked[part] = JSON.stringify(there);
    const dot = tab.querySelector(".fresh");
    const fresh = looked[part] !== JSON.stringify(there);
    if (fresh && !dot) tab.append(h("span", { class: "fresh" }, h("span", { class: "unseen" }, " (something new)")));
    if (!fresh) dot?.remove();
  }
}

// ── links that lead to somewhere on this page ────────────────────────────────

let asked = /^#thread-(\d+)$/.exec(location.hash)?.[1];

/** The page was opened by the link of a thread: that is shown once it is there. */
function visitAddress() {
  if (!asked) return;
  turnTo("board");
  if (board.visit(asked)) asked = null;
}

function followLink(event) {
  const link = event.target.closest?.("a[href]");
  if (!link) return;
  const thread = link.origin === location.origin && /^#thread-(\d+)$/.exec(link.hash)?.[1];
  const message = /^\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(link.pathname);
  if (!thread && !message) return;
  event.preventDefault();
  if ($("modal").open) $("modal").querySelector(".x").click();
  turnTo(thread ? "board" : "slack");
  // The dialog gives its focus back when it closes, and that should not be the last word.
  const go = () => {
    if (message) return workspace.visit(message[1], `${message[2]}.${message[3]}`);
    return board.visit(thread) || announce("This thread is not one that you may see.");
  };
  if ($("modal").open) $("modal").addEventListener("close", () => setTimeout(go), { once: true });
  else go();
}

const TRIES = [
  ["Post in one line", "Puts a command into the composer; press Enter.", () => {
    turnTo("slack");
    workspace.compose("/community post Coffee is back | The machine works again. *First round is free!* #coffee");
  }],
  ["Carry a message over", "Opens the menu of a message in #general.", () => {
    turnTo("slack");
    workspace.pointAtMenu("C0GENERAL");
  }],
  ["Break the board", "Makes it hang up after it took a post. Then post again.", () => {
    turnTo("board");
    $("mood-hangs-up").click();
    $("mood-hangs-up").focus();
  }],
];

workspace.begin();
deck.suggest(TRIES);
document.addEventListener("click", followLink);
$("parts").addEventListener("click", (event) => {
  const tab = event.target.closest("[data-part]");
  if (tab) turnTo(tab.dataset.part);
});
$("what-to-try").addEventListener("click", () => turnTo("deck"));
await loadEmoji();
become(me);
