// The crossing: each post's way from kept to told, as bridge's ledger has it.

import { $, h, icon, reconcile } from "./dom.js";

const BAD = new Set(["not posted", "cancelled", "not told"]);
const DOUBT = new Set(["may be posted"]);

/** Shows everybody's latest posts, the newest with all its steps. */
export function show(crossings) {
  $("deck").classList.toggle("busy", crossings.length > 0);
  reconcile($("crossings"), crossings, (each) => each.id, crossing);
}

/** What to try first: pairs of words and what they do. */
export function suggest(tries) {
  const rows = tries.map(([title, about, press]) => h("li", {},
    h("button", { type: "button", on: { click: press } }, h("strong", {}, title), h("span", {}, about))));
  $("tries").replaceChildren(h("h3", {}, "Try this"), h("ol", {}, ...rows));
}

function crossing(each) {
  const kind = { posted: "good", unsure: "doubt" }[each.ended] ?? (each.ended ? "bad" : "open");
  return h("li", { class: kind },
    h("h3", {}, each.subject), h("p", { class: "by" }, `${each.who} · ${each.id}`),
    h("ol", { class: "steps" }, ...each.steps.map((step, at) => row(step, at, each))),
    h("p", { class: "note" }, each.note));
}

const ABOUT = {
  kept: "in the store", claimed: "picked up", sending: "to the board", posted: "on the board",
  "may be posted": "not confirmed",
};
const WORDS = { done: "done", bad: "done", doubt: "done", skipped: "not needed", now: "now", ahead: "not yet" };
const FACES = { done: () => icon("check"), bad: () => icon("cross"), doubt: () => "?" };

function row(step, at, { steps }) {
  const kind = kindOf(step, steps.slice(0, at), steps.slice(at + 1));
  return h("li", { class: kind },
    h("span", { class: "dot" }, FACES[kind]?.()),
    h("span", { class: "name" }, step.name), h("span", { class: "unseen" }, `: ${WORDS[kind]} `),
    h("span", { class: "about" }, ABOUT[step.name] ?? ""),
    at && step.after !== null ? h("span", { class: "after" }, passed(step.after)) : null);
}

function kindOf(step, before, after) {
  if (step.done) return BAD.has(step.name) ? "bad" : DOUBT.has(step.name) ? "doubt" : "done";
  // A refusal needs no sending: what was passed over is not waited for.
  if (after.some((each) => each.done)) return "skipped";
  return before.every((each) => each.done) ? "now" : "ahead";
}

const passed = (ms) => (ms < 1000 ? `+${ms} ms` : `+${(ms / 1000).toFixed(1)} s`);
