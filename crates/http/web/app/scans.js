// The scans of a door: each is sent with a key of its own, and one that could not be sent is kept until it was, also when
// the page is closed. What is said of it meanwhile is the truth: that nobody knows yet.

import { Problem, Unreachable, call, newKey } from "./api.js";
import { now } from "./time.js";

const QUEUE = "frontrow.gate.queue";
const LOG = "frontrow.gate.log";
/** Scans that the list of the last ones has. */
const LISTED = 30;

/**
 * @typedef {object} Scan
 * @property {string} key
 * @property {{code: string, scheduleId?: number, scannedAt: string}} body never changed, so that a repeat is a repeat
 * @property {"green" | "red" | "kept"} result
 * @property {boolean} [wasKept] whether it was answered only later
 * @property {any} [answer] what the server said
 */

/** @template T @param {string} name @param {T} otherwise @returns {T} */
function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Scans that are waiting to be sent, the oldest first. @returns {Scan[]} */
export function waiting() {
  return read(QUEUE, []);
}

/** The last scans, the newest first. @returns {Scan[]} */
export function lastScans() {
  return read(LOG, []);
}

/** @param {Scan} scan */
function keepInLog(scan) {
  const others = lastScans().filter((one) => one.key !== scan.key);
  localStorage.setItem(LOG, JSON.stringify([scan, ...others].slice(0, LISTED)));
}

/** @param {Scan[]} scans */
function setWaiting(scans) {
  localStorage.setItem(QUEUE, JSON.stringify(scans));
}

/** Scans a code: green, red, or kept because the server could not be asked. @param {string} code @param {number | undefined} scheduleId @returns {Promise<Scan>} */
export async function scan(code, scheduleId) {
  /** @type {Scan} */
  const made = {
    key: newKey(),
    body: { code, ...(scheduleId && { scheduleId }), scannedAt: new Date(now()).toISOString() },
    result: "kept",
  };
  // Kept before it is sent: a page that ends in between loses nothing.
  setWaiting([...waiting(), made]);
  return send(made);
}

/** Sends what waits. Returns those that were answered. @returns {Promise<Scan[]>} */
export async function sendWaiting() {
  const answered = [];
  for (const one of waiting()) {
    const done = await send({ ...one, wasKept: true });
    if (done.result === "kept") break;
    answered.push(done);
  }
  return answered;
}

/** @param {Scan} one @returns {Promise<Scan>} */
async function send(one) {
  /** @type {Scan} */
  let done;
  try {
    const answer = await call("POST", "/gate/scan", { body: one.body, key: one.key });
    done = { ...one, result: "green", answer };
  } catch (error) {
    const isAway = error instanceof Unreachable || (error instanceof Problem && (error.passes || error.status === 401 || error.status === 403));
    if (isAway || !(error instanceof Problem)) {
      keepInLog({ ...one, result: "kept" });
      return { ...one, result: "kept" };
    }
    done = { ...one, result: "red", answer: error.body };
  }
  setWaiting(waiting().filter(({ key }) => key !== one.key));
  keepInLog(done);
  return done;
}
