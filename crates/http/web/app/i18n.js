// Words, money and dates in the visitor's language. The shell has chosen it; its messages come with the page.

/** The language of the page: `en` or `ko`. */
export const language = document.documentElement.lang || "en";

/** Where the files of this version of the site are. */
export const base = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/** @type {Record<string, string | {one: string, other: string}>} */
const messages = await (await fetch(`${base}/messages/${language}.json`, { credentials: "same-origin" })).json();
const plurals = new Intl.PluralRules(language);
const here = new Intl.DateTimeFormat().resolvedOptions().timeZone;
const whole = new Intl.NumberFormat(language);

/**
 * A message. Places in braces are filled from `values`; a message with forms takes the one for `values.n`.
 * A key without a message shows itself: it is better to be seen than to be missed.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  let text = messages[key] ?? key;
  if (typeof text === "object") text = plurals.select(Number(values.n)) === "one" ? text.one : text.other;
  return text.replace(/\{(\w+)\}/g, (place, name) => {
    const value = values[name];
    return value === undefined ? place : typeof value === "number" ? whole.format(value) : value;
  });
}

/** Whether there is a message of that key, for words of the API that may grow. @param {string} key */
export function has(key) {
  return key in messages;
}

/** A whole number. @param {number} value */
export function number(value) {
  return whole.format(value);
}

/** @type {Map<string, Intl.NumberFormat>} */
const currencies = new Map();

/**
 * An amount in minor units of a currency.
 * @param {number} amount
 * @param {string} currency
 */
export function money(amount, currency) {
  let format = currencies.get(currency);
  if (!format) {
    format = new Intl.NumberFormat(language, { style: "currency", currency });
    currencies.set(currency, format);
  }
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 0));
}

/** An amount as short as an axis needs it: ₩4.2M. @param {number} amount @param {string} currency */
export function shortMoney(amount, currency) {
  const format = new Intl.NumberFormat(language, { style: "currency", currency, notation: "compact" });
  return format.format(amount / 10 ** (new Intl.NumberFormat(language, { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 0));
}

/**
 * A date and time, in the zone of the venue where there is one.
 * @param {string} time
 * @param {{zone?: string, style?: "long" | "short" | "time"}} [options]
 */
export function date(time, { zone, style = "long" } = {}) {
  /** @type {Intl.DateTimeFormatOptions} */
  const long = { year: "numeric", month: "long", day: "numeric", weekday: "long", hour: "numeric", minute: "2-digit" };
  /** @type {Intl.DateTimeFormatOptions} */
  const short = { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
  /** @type {Intl.DateTimeFormatOptions} */
  const clock = { hour: "numeric", minute: "2-digit", second: "2-digit" };
  /** @type {Intl.DateTimeFormatOptions} */
  const options = { ...{ long, short, time: clock }[style] };
  // Who is elsewhere has to know whose clock is meant.
  if (zone && zone !== here) options.timeZoneName = "short";
  return new Intl.DateTimeFormat(language, { ...options, timeZone: zone }).format(new Date(time));
}

/** Minutes and seconds, for a countdown. @param {number} seconds */
export function clock(seconds) {
  // Rather a second too few: nobody is to rely on time that is not there.
  const left = Math.max(0, Math.floor(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

/** A rough length of time: seconds below two minutes, else minutes, else hours. @param {number} seconds */
export function span(seconds) {
  if (seconds < 120) return t("span.seconds", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 7200) return t("span.minutes", { n: Math.round(seconds / 60) });
  return t("span.hours", { n: Math.round(seconds / 3600) });
}
