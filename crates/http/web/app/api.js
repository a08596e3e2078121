// The public API, as the pages ask it. What is refused is a `Problem`, what cannot be reached is `Unreachable`. A
// command that may have happened is asked for again with the same key until that is known.

import { loginAddress, session, token } from "./session.js";
import { reachable, unreachable } from "./outage.js";
import { note, pause } from "./time.js";

/** Milliseconds after which nobody waits for an answer any more. */
const TIMEOUT = 20_000;

/** What the server has refused, with the members of the problem document. */
export class Problem extends Error {
  /** @param {number} status @param {any} body @param {number} [retryAfter] */
  constructor(status, body, retryAfter) {
    super(body?.detail ?? body?.title ?? `status ${status}`);
    this.status = status;
    /** @type {string} */
    this.code = body?.code ?? "internal_error";
    /** @type {any} */
    this.body = body ?? {};
    /** Seconds. */
    this.retryAfter = retryAfter;
  }

  /** Whether the same may work in a moment. */
  get passes() {
    return this.status >= 500 || this.status === 429 || this.code === "request_in_flight";
  }
}

/** No answer came. */
export class Unreachable extends Error {}

/**
 * @typedef {object} Asked
 * @property {unknown} [body]
 * @property {string} [key] the Idempotency-Key
 * @property {string | null} [pass] the queue token
 * @property {boolean} [anonymous] ask as nobody
 * @property {AbortSignal} [signal]
 * @property {Record<string, string>} [headers]
 * @property {boolean} [stream] an answer without an end: nobody is in a hurry
 */

/**
 * Asks, and gives the whole response. Throws `Unreachable` only.
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {Asked} [asked]
 * @returns {Promise<Response>}
 */
export async function ask(method, path, asked = {}) {
  /** @type {string | undefined} */
  let refused;
  for (let round = 0; ; round += 1) {
    /** @type {string | null} */
    const bearer = asked.anonymous ? null : await currentToken(refused);
    const response = await send(method, path, asked, bearer);
    // A token that has run out, or was made by keys that are gone, is renewed once.
    if (response.status !== 401 || !bearer || round > 0) return response;
    refused = bearer;
  }
}

/** @param {string} [refused] */
async function currentToken(refused) {
  try {
    return await token(refused);
  } catch (error) {
    unreachable();
    throw new Unreachable(String(error));
  }
}

/** @param {string} method @param {string} path @param {Asked} asked @param {string | null} bearer */
async function send(method, path, asked, bearer) {
  const headers = new Headers(asked.headers);
  if (bearer) headers.set("authorization", `Bearer ${bearer}`);
  if (asked.body !== undefined) headers.set("content-type", "application/json");
  if (asked.key) headers.set("idempotency-key", asked.key);
  if (asked.pass) headers.set("queue-token", asked.pass);
  const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
  const begun = Date.now();
  const signals = [asked.signal, asked.stream ? undefined : AbortSignal.timeout(TIMEOUT)].filter((one) => one !== undefined);
  const signal = AbortSignal.any(signals);
  try {
    const response = await fetch(`/api/v1${path}`, { method, headers, body, signal });
    note(response, begun);
    reachable();
    return response;
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    unreachable();
    throw new Unreachable(String(error));
  }
}

/**
 * Asks for JSON. Throws `Problem` or `Unreachable`.
 * @param {string} method
 * @param {string} path
 * @param {Asked} [asked]
 * @returns {Promise<any>}
 */
export async function call(method, path, asked) {
  const response = await ask(method, path, asked);
  if (response.status === 204) return null;
  const text = await response.text().catch(() => {
    throw new Unreachable("the answer broke off");
  });
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // What is no JSON does not come from the API: a proxy answers in its place.
  }
  if (response.ok) return body;
  if (response.status === 401 && session() === null && !asked?.anonymous) {
    // The log-in has ended: back here after a new one. Keys of commands under way stay: they go with the account, and
    // what was sent may have happened.
    location.assign(loginAddress({ ended: true }));
    return new Promise(() => {});
  }
  throw new Problem(response.status, body, Number(response.headers.get("retry-after")) || undefined);
}

/** @param {string} path @param {Asked} [asked] */
export const get = (path, asked) => call("GET", path, asked);

/**
 * Gives a command until it is known what became of it. When the connection is lost or the server is busy it goes again
 * with the same key, so that it happens once.
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, name: string, pass?: string | null, onTrouble?: (is: boolean) => void, signal?: AbortSignal}} asked
 *   `name` says which intention this is: until it is answered, the same name goes with the same key, also after the
 *   page was loaded again.
 */
export async function command(method, path, { body, name, pass, onTrouble, signal }) {
  const key = keyOf(name, path, body);
  for (let wait = 500; ; wait = Math.min(wait * 2, 5_000)) {
    try {
      const answer = await call(method, path, { body, key, pass, signal });
      dropKey(name);
      onTrouble?.(false);
      return answer;
    } catch (error) {
      // Of too many requests nothing has happened, and the pause may be long: that is for the fan to know.
      const passes = error instanceof Unreachable || (error instanceof Problem && error.passes && error.status !== 429);
      if (!passes || signal?.aborted) {
        // A refusal keeps nothing, so the next try is a new one.
        dropKey(name);
        onTrouble?.(false);
        throw error;
      }
      onTrouble?.(true);
      await pause(error instanceof Problem && error.retryAfter ? error.retryAfter * 1000 : wait, signal);
    }
  }
}

/** @param {string} name @param {string} path @param {unknown} body */
function keyOf(name, path, body) {
  const place = `frontrow.key.${name}`;
  const what = `${session()?.userId} ${path} ${JSON.stringify(body ?? null)}`;
  try {
    const kept = JSON.parse(sessionStorage.getItem(place) ?? "null");
    if (kept?.what === what) return kept.key;
  } catch {
    // What cannot be read is made anew.
  }
  const key = newKey();
  sessionStorage.setItem(place, JSON.stringify({ key, what }));
  return key;
}

/** @param {string} name */
function dropKey(name) {
  sessionStorage.removeItem(`frontrow.key.${name}`);
}

/** A key that nobody has used. `randomUUID` is there only in secure contexts. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
