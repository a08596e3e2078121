// The server's clock, as far as its answers tell. Every end that a fan is shown is counted down by it, and not by the
// clock of a phone that may be wrong by minutes.

// `Date` is cut to whole seconds: an answer says that the server's clock was between that second and the next one, at
// some moment between asking and having the answer. Every answer narrows the range of what the difference can be.
let low = -Infinity;
let high = Infinity;

/**
 * Takes note of an answer.
 * @param {Response} response
 * @param {number} asked when it was asked for, by our clock
 */
export function note(response, asked) {
  const told = Date.parse(response.headers.get("date") ?? "");
  // What a browser or a proxy may have kept tells an old time.
  const isFresh = /no-cache|no-store/.test(response.headers.get("cache-control") ?? "");
  if (!Number.isFinite(told) || !isFresh) return;
  const least = told - Date.now();
  const most = told + 1000 - asked;
  if (least > high || most < low) {
    // One of the clocks was set: what was known does not hold any more.
    [low, high] = [least, most];
  } else {
    low = Math.max(low, least);
    high = Math.min(high, most);
  }
}

/** Now, by the server's clock, in milliseconds. */
export function now() {
  const isKnown = Number.isFinite(low) && Number.isFinite(high);
  return Date.now() + (isKnown ? (low + high) / 2 : 0);
}

/** Seconds from now until a time of the server; negative afterwards. @param {string} time */
export function until(time) {
  return (Date.parse(time) - now()) / 1000;
}

/** A time for an input, in the clock of whoever fills it in. @param {string | Date} time */
export function forInput(time) {
  const moment = new Date(time);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** What was filled in; null when that is no time. @param {string} local */
export function fromInput(local) {
  const moment = new Date(local);
  return Number.isFinite(moment.getTime()) ? moment.toISOString() : null;
}

/** Waits. Ends early when the signal does. @param {number} ms @param {AbortSignal} [signal] */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve(undefined);
    }
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done);
  });
}
