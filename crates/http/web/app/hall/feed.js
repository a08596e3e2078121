// The map of a schedule, kept up to date: fetched whole, then followed by its changes.

import { Problem, ask, get } from "../api.js";
import { follow } from "../events.js";
import { pause } from "../time.js";

/**
 * Keeps a hall up to date until the signal ends.
 * @param {object} options
 * @param {string} options.path of the schedule, below /api/v1
 * @param {string | null} options.pass
 * @param {import("./model.js").Hall} options.hall
 * @param {AbortSignal} options.signal
 * @param {() => void} options.onMap a whole map was taken over
 * @param {(seats: number[]) => void} options.onChange
 * @param {(code: string) => void} options.onRefused the line does not let this fan look any more
 * @param {(isLive: boolean) => void} options.onLive
 */
export async function keepUp({ path, pass, hall, signal, onMap, onChange, onRefused, onLive }) {
  let isWhole = hall.version >= 0;
  let wait = 500;
  while (!signal.aborted) {
    if (!isWhole) {
      try {
        hall.load(await get(`${path}/states`, { pass, signal }));
        isWhole = true;
        wait = 500;
        onMap();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Problem && error.status === 403) return onRefused(error.code);
        onLive(false);
        await pause(wait, signal);
        wait = Math.min(wait * 2, 8_000);
        continue;
      }
    }
    const part = new AbortController();
    signal.addEventListener("abort", () => part.abort(), { once: true });
    const onEvent = (/** @type {any} */ event) => {
      if (event.event === "reset") {
        isWhole = false;
        part.abort();
      } else if (event.event === "seats") {
        const seats = hall.change(JSON.parse(event.data));
        if (seats.length) onChange(seats);
      }
    };
    const onOpen = () => {
      wait = 500;
      onLive(true);
    };
    const end = await follow(`${path}/seats/stream?since=${hall.version}`, { pass, signal: part.signal, onOpen, onEvent });
    if (signal.aborted || !isWhole) continue;
    if (end === 403) {
      // Why the door is shut is in the answer to a plain question.
      const refusal = await ask("GET", `${path}/states?since=${hall.version}`, { pass, signal }).catch(() => null);
      if (refusal?.status === 403) return onRefused((await refusal.json()).code);
    }
    if (typeof end === "number" && end < 500 && end !== 403) isWhole = false;
    if (end !== "ended") onLive(false);
    await pause(wait, signal);
    wait = Math.min(wait * 2, 8_000);
  }
}
