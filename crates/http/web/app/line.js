// One fan's place in a line, followed: by stream where that works, else by asking. It survives reloads (the token is
// kept), sleep and changes of the network (everything is asked anew on waking), and other devices (the place belongs to
// the account).

import { Problem, Unreachable, ask, call } from "./api.js";
import { follow } from "./events.js";
import { session } from "./session.js";
import { pause } from "./time.js";

/** Breaks of the stream in a row, until it is not tried for a while. */
const BREAKS = 3;
/** Milliseconds that a stream has to last for its end not to count as a break. */
const LASTING = 5_000;

/** Milliseconds of asking after which a stream is tried again: the other page may be gone. */
const STREAM_AGAIN = 60_000;

/** @param {string | number} concert */
const place = (concert) => `frontrow.pass.${concert}`;

/** The token of this fan's place in the line of a concert, if this device has it. @param {string | number} concert */
export function pass(concert) {
  try {
    const kept = JSON.parse(localStorage.getItem(place(concert)) ?? "null");
    return kept?.userId === session()?.userId ? /** @type {string | null} */ (kept?.token ?? null) : null;
  } catch {
    return null;
  }
}

/** @param {string | number} concert */
export function dropPass(concert) {
  localStorage.removeItem(place(concert));
}

/** Joins, or finds the place that this fan has already. @param {string | number} concert @param {AbortSignal} [signal] */
export async function join(concert, signal) {
  const status = await call("POST", "/queues", { body: { concertId: Number(concert) }, signal });
  localStorage.setItem(place(concert), JSON.stringify({ userId: session()?.userId, token: status.token }));
  return status;
}

/** How this fan stands, without joining: null without a place. @param {string | number} concert */
export async function standing(concert) {
  const token = pass(concert);
  if (!token) return null;
  try {
    return await call("GET", "/queues/status", { pass: token });
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return null;
    throw error;
  }
}

/** Gives the place up. @param {string | number} concert */
export async function leave(concert) {
  await call("DELETE", "/queues", { pass: pass(concert) });
  dropPass(concert);
}

/**
 * Follows a place until it ends. `onStatus` gets every status; `onLink` whether it comes by `stream` or by `poll`, or
 * that it is `lost`.
 * @param {string} token
 * @param {(status: any) => void} onStatus
 * @param {(link: "stream" | "poll" | "lost") => void} onLink
 * @returns {() => void} stops
 */
export function watch(token, onStatus, onLink) {
  const stop = new AbortController();
  let current = new AbortController();
  let breaks = 0;
  let again = 0;
  let isOver = false;
  const tell = (/** @type {any} */ status) => {
    if (stop.signal.aborted) return;
    isOver = status.state === "expired";
    onStatus(status);
  };
  // On waking, and when the network is another one, what was open is likely dead without knowing it.
  const wake = () => {
    if (document.visibilityState === "hidden") return;
    breaks = 0;
    current.abort();
  };
  const names = /** @type {const} */ (["online", "pageshow"]);
  for (const name of names) addEventListener(name, wake);
  document.addEventListener("visibilitychange", wake);
  stop.signal.addEventListener("abort", () => {
    current.abort();
    for (const name of names) removeEventListener(name, wake);
    document.removeEventListener("visibilitychange", wake);
  });

  (async () => {
    while (!stop.signal.aborted && !isOver) {
      current = new AbortController();
      const { signal } = current;
      if (breaks >= BREAKS && Date.now() > again) breaks = 0;
      if (breaks < BREAKS) {
        const begun = Date.now();
        const onOpen = () => onLink("stream");
        const onEvent = (/** @type {any} */ event) => event.event === "status" && tell(JSON.parse(event.data));
        const end = await follow("/queues/stream", { pass: token, signal, onOpen, onEvent });
        if (isOver || signal.aborted) continue;
        // A stream that is closed in order was ended by a newer one of the same place, in another tab or on another
        // device. Coming back would end that one: this page asks from now on.
        if (end === "ended" && Date.now() - begun < 20 * LASTING) breaks = BREAKS;
        else breaks = Date.now() - begun > LASTING ? 1 : breaks + 1;
        if (end === 204) breaks = BREAKS;
        again = Date.now() + STREAM_AGAIN;
      }
      await askOnce(token, tell, onLink, signal);
    }
  })();
  return () => stop.abort();
}

/** Asks for the status once, and waits as long as it says. @param {string} token @param {(status: any) => void} tell @param {(link: "poll" | "lost") => void} onLink @param {AbortSignal} signal */
async function askOnce(token, tell, onLink, signal) {
  let wait = 3;
  try {
    const response = await ask("GET", "/queues/status", { pass: token, signal });
    if (response.ok) {
      const status = await response.json();
      wait = status.pollAfterSeconds;
      onLink("poll");
      tell(status);
      if (status.state === "expired") return;
    } else {
      wait = Number(response.headers.get("retry-after")) || 3;
      if (response.status >= 500) onLink("lost");
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof Unreachable) onLink("lost");
  }
  await pause(wait * 1000, signal);
}
