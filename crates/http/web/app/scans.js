// The scans of a door: each is sent with a key of its own, and one that could not be sent is kept until it was, also when
// the page is closed. What is said of it meanwhile is the truth: that nobody knows yet.

import { Problem, Unreachable, call, newKey } from "./api.js";
import { inspect } from "./ticket-code.js";
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
  const before = lastScans().find((one) => one.body.code === code && one.result !== "red");
  // Kept before it is sent: a page that ends in between loses nothing.
  setWaiting([...waiting(), made]);
  const done = await send(made);
  return done.result === "kept" ? judge(done, before) : done;
}

/**
 * What can be said of a scan without a network. What is certain is red at once, and needs no sending.
 * @param {Scan} one @param {Scan | undefined} before the same code at this door
 * @returns {Promise<Scan>}
 */
async function judge(one, before) {
  const { verdict, scheduleId, seat } = await inspect(one.body.code);
  const isElsewhere = verdict === "ours" && one.body.scheduleId !== undefined && scheduleId !== one.body.scheduleId;
  const code = verdict === "no" ? "ticket_invalid" : isElsewhere ? "ticket_wrong_schedule" : before ? "ticket_already_used" : null;
  /** @type {Scan} */
  const judged = code
    ? { ...one, result: "red", answer: { code, usedAt: before?.body.scannedAt } }
    : { ...one, answer: { isOurs: verdict === "ours", seat } };
  if (code) setWaiting(waiting().filter(({ key }) => key !== one.key));
  keepInLog(judged);
  return judged;
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
      if (!one.wasKept) keepInLog({ ...one, result: "kept" });
      return { ...one, result: "kept" };
    }
    done = { ...one, result: "red", answer: error.body };
  }
  setWaiting(waiting().filter(({ key }) => key !== one.key));
  keepInLog(done);
  return done;
}
