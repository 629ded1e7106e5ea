// The way to the demo's server: a stream of all that one person sees, and what they do.

let source = null;

/** Calls `onState` with everything that `me` sees, whenever something of it changes. */
export function follow(me, onState, onAway) {
  source?.close();
  source = new EventSource(`/stream?as=${encodeURIComponent(me)}`);
  source.onmessage = (event) => onState(JSON.parse(event.data));
  source.onerror = () => onAway();
}

/** Does something as `me`; answers what Slack would show: `trouble` in words, and `errors` by field. */
export async function act(doing, me, args = {}) {
  try {
    const answer = await fetch(`/do/${doing}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...args, as: me }),
    });
    const said = await answer.json();
    return { trouble: said.trouble || said.error || "", errors: said.errors || {} };
  } catch {
    return { trouble: "The demo does not answer any more.", errors: {} };
  }
}
