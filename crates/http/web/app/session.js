// Who is logged in. Tokens are kept in the storage of this origin, which no other origin can read and no request carries
// by itself, so there is nothing to forge across sites; why not in a cookie is in docs/adr/0020.

import { note } from "./time.js";

const STORE = "frontrow.session";
/** Seconds before its end at which a token is renewed. */
const EARLY = 30;

/**
 * @typedef {object} Session
 * @property {string} accessToken
 * @property {string} refreshToken
 * @property {number} endsAt by the clock of this device: it is only compared with that
 * @property {string} userId
 * @property {string} name
 * @property {string} role
 */

/** @returns {Session | null} */
export function session() {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "null");
  } catch {
    return null;
  }
}

/** @param {Session | null} next */
function keep(next) {
  if (next) localStorage.setItem(STORE, JSON.stringify(next));
  else localStorage.removeItem(STORE);
}

/**
 * Takes over what a log-in or a renewal has answered.
 * @param {{accessToken: string, refreshToken: string, expiresIn: number, userId: string}} pair
 * @param {{name: string, role: string}} who
 */
export function begin(pair, who) {
  const { accessToken, refreshToken, expiresIn, userId } = pair;
  keep({ accessToken, refreshToken, endsAt: Date.now() + expiresIn * 1000, userId, name: who.name, role: who.role });
}

/** Forgets everything about the fan on this device. What a door has scanned and not sent yet is nobody's own, and stays. */
export function forget() {
  const isOurs = (/** @type {string} */ key) => key.startsWith("frontrow.") && !key.startsWith("frontrow.gate.");
  for (const key of Object.keys(localStorage)) if (isOurs(key)) localStorage.removeItem(key);
  sessionStorage.clear();
}

/** Runs one of these at a time over all tabs, where the browser can. @param {() => Promise<string | null>} work */
function alone(work) {
  // Without a secure context there are no locks. Two tabs may then renew at once, which the server forgives for a
  // minute.
  return navigator.locks ? navigator.locks.request("frontrow.session", work) : work();
}

/**
 * A token that is good for a while, or null for nobody. Throws when the server cannot be asked.
 * @param {string} [refused] a token that was just refused, and is not to be given again
 * @returns {Promise<string | null>}
 */
export async function token(refused) {
  const isGood = (/** @type {Session} */ one) =>
    one.accessToken !== refused && one.endsAt > Date.now() + EARLY * 1000;
  const found = session();
  if (!found || isGood(found)) return found?.accessToken ?? null;
  return alone(async () => {
    // Another tab may have renewed it, or logged out, while this one waited.
    const latest = session();
    if (!latest || isGood(latest)) return latest?.accessToken ?? null;
    return renew(latest);
  });
}

/** @param {Session} old */
async function renew(old) {
  const asked = Date.now();
  const response = await fetch("/api/v1/auth/refresh", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ refreshToken: old.refreshToken }),
  });
  note(response, asked);
  if (response.ok) {
    const pair = await response.json();
    begin(pair, old);
    return pair.accessToken;
  }
  // Only these say that the log-in is over. Anything else is trouble that passes.
  if (response.status === 401 || response.status === 403) {
    keep(null);
    return null;
  }
  throw new Error(`the log-in could not be renewed: ${response.status}`);
}

/** Where to log in so as to come back here afterwards. @param {{ended?: boolean}} [options] */
export function loginAddress({ ended = false } = {}) {
  const here = location.pathname + location.search;
  return `/login?next=${encodeURIComponent(here)}${ended ? "&ended=1" : ""}`;
}

/** Where a log-in leads: a path of this site, and nothing else. */
export function nextAddress() {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  const address = new URL(next, location.origin);
  const isOurs = address.origin === location.origin && next.startsWith("/") && !next.startsWith("//");
  return isOurs ? address.pathname + address.search : "/";
}

/** Sends whoever is not logged in to log in. True when it does. */
export function mustLogIn() {
  if (session()) return false;
  location.replace(loginAddress());
  return true;
}

