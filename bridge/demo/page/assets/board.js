// The members' board: its threads as the portal would show them, and the switch that makes it misbehave.

import { $, announce, avatar, clock, h, light, reconcile, showUp } from "./dom.js";

let known = null;

/** Shows the threads that this person may see; new ones are announced. */
export function show(board, me) {
  const fresh = known?.me === me ? board.threads.filter((each) => !known.ids.has(each.id)) : [];
  known = { me, ids: new Set(board.threads.map((each) => each.id)) };
  const nothing = board.threads.length ? [] : [{ id: "empty" }];
  const others = board.hidden ? [{ id: "hidden", count: board.hidden }] : [];
  const items = [...board.threads, ...nothing, ...others];
  reconcile($("threads"), items, (each) => String(each.id), thread);
  fresh.forEach((each) => {
    announce(`New on the board: ${each.subject}, by ${each.author}`);
    light($(`thread-${each.id}`));
  });
}

function thread(each) {
  if (each.id === "empty") return empty();
  if (each.id === "hidden") return hidden(each.count);
  const html = h("div", { class: "post" });
  // Cleaned by the server: no scripts, no pictures, no styles.
  html.innerHTML = each.html;
  html.querySelectorAll("a").forEach((link) => Object.assign(link, { target: "_blank", rel: "noreferrer" }));
  const place = each.group ? `${each.location} · ${each.group}` : each.location;
  return h("article", { id: `thread-${each.id}`, "aria-labelledby": `subject-${each.id}` },
    h("header", {}, avatar(each.who || "U0", each.author),
      h("div", {}, h("h3", { id: `subject-${each.id}` }, each.subject),
        h("p", {}, h("strong", {}, each.author), ` in ${place} · `, clock(new Date(each.created))))),
    html,
    ...each.files.map((name) => h("p", { class: "file" }, name)),
    h("footer", {}, ...each.tags.map((tag) => h("span", { class: "tag" }, tag)),
      each.private && h("span", { class: "tag private" }, "Private"),
      h("span", { class: "sent" }, each.instant ? "Sent to everybody at once" : "Comes with the daily digest")));
}

function hidden(count) {
  const threads = count === 1 ? "1 thread is" : `${count} threads are`;
  const words = `${threads} in private groups or between people that you are not one of.`;
  return h("p", { class: "hidden-threads" }, words);
}

function empty() {
  return h("div", { class: "empty", role: "note" },
    h("p", { class: "big" }, "Nothing here yet."),
    h("p", {}, "What is said in Slack is gone next week. What should last, a member carries over here."));
}

/** The switch. */
export function showMoods(moods, mood, turn) {
  reconcile($("moods"), moods, (each) => each.id, ({ id, name }) => h("span", { class: "mood" },
    h("input", { type: "radio", name: "mood", id: `mood-${id}`, value: id, on: { change: () => turn(id) } }),
    h("label", { for: `mood-${id}` }, name)));
  document.querySelectorAll("[name=mood]").forEach((each) => { each.checked = each.value === mood; });
  $("mood-about").textContent = moods.find((each) => each.id === mood).about;
  $("board").dataset.mood = mood;
}

/** Goes to a thread by its id; says whether it is there. */
export function visit(id) {
  const found = $(`thread-${id}`);
  if (found) showUp(found);
  return Boolean(found);
}
