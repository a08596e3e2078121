// Server-sent events over fetch: unlike an EventSource it sends tokens in headers, so they are in no address and no log,
// and says why a stream has ended.

import { createParser } from "../vendor/eventsource-parser.js";
import { ask } from "./api.js";

/** Milliseconds of silence after which a stream counts as broken. The server gives a sign of life every 15 s. */
const SILENCE = 35_000;

/**
 * Follows a stream until it ends. Resolves with `ended` when the server has closed it in order, `lost` when it broke,
 * and the status when it was refused.
 * @param {string} path
 * @param {{pass?: string | null, lastId?: string, signal: AbortSignal, onOpen?: () => void,
 *   onEvent: (event: {event?: string, id?: string, data: string}) => void}} options
 * @returns {Promise<"ended" | "lost" | number>}
 */
export async function follow(path, { pass, lastId, signal, onOpen, onEvent }) {
  const broken = new AbortController();
  const stop = () => broken.abort();
  signal.addEventListener("abort", stop);
  let watch = setTimeout(stop, SILENCE);
  try {
    const headers = lastId ? { "last-event-id": lastId } : undefined;
    const response = await ask("GET", path, { pass, headers, signal: broken.signal, stream: true });
    if (response.status !== 200 || !response.body) return response.status;
    onOpen?.();
    const parser = createParser({ onEvent });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      clearTimeout(watch);
      watch = setTimeout(stop, SILENCE);
      parser.feed(value);
    }
  } catch {
    return "lost";
  } finally {
    clearTimeout(watch);
    signal.removeEventListener("abort", stop);
    broken.abort();
  }
}
