// What pages are put together from. Text only ever goes in as text: nothing here makes markup of it.

import { h, html, render, useCallback, useEffect, useRef, useState } from "../vendor/preact.js";
import { Problem, Unreachable } from "./api.js";
import { has, t } from "./i18n.js";
import { showLayout } from "./layout.js";
import { pause, until } from "./time.js";

export { h, html, useCallback, useEffect, useRef, useState };
export { useMemo } from "../vendor/preact.js";

/** Shows a page in its place. @param {any} Page a component */
export function mount(Page) {
  showLayout();
  const place = /** @type {HTMLElement} */ (document.getElementById("page"));
  place.replaceChildren();
  render(html`<${Page} />`, place);
}

/** The title of the tab. @param {string} title */
export function useTitle(title) {
  useEffect(() => {
    if (title) document.title = `${title} · Frontrow`;
  }, [title]);
}

/** What a problem means for whoever meets it. @param {unknown} error @returns {string} */
export function explain(error) {
  if (error instanceof Unreachable) return t("error.unreachable");
  if (error instanceof Problem) {
    const key = `error.${error.code}`;
    return has(key) ? t(key) : error.message;
  }
  return t("error.unknown");
}

/**
 * Loads something and keeps trying while the server is away.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {any[]} [inputs] loads again when one of them changes
 * @returns {{value: T | undefined, error: unknown, isTrying: boolean, reload: () => void, set: (value: T) => void}}
 */
export function useLoad(load, inputs = []) {
  const [state, setState] = useState(/** @type {any} */ ({ value: undefined, error: null, isTrying: false }));
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    (async () => {
      for (let wait = 1_000; !stop.signal.aborted; wait = Math.min(wait * 1.6, 10_000)) {
        try {
          const value = await load(stop.signal);
          if (!stop.signal.aborted) setState({ value, error: null, isTrying: false });
          return;
        } catch (error) {
          if (stop.signal.aborted) return;
          const isTrying = error instanceof Unreachable || (error instanceof Problem && error.passes);
          if (!isTrying && !(error instanceof Problem)) console.error(error);
          setState((/** @type {any} */ before) => ({ ...before, error, isTrying }));
          if (!isTrying) return;
          await pause(wait, stop.signal);
        }
      }
    })();
    return () => stop.abort();
  }, [...inputs, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const set = useCallback((/** @type {T} */ value) => setState({ value, error: null, isTrying: false }), []);
  return { ...state, reload, set };
}

/** Something loaded, or what is shown in its place. @param {any} props */
export function Loaded({ of, children, lines = 3 }) {
  if (of.value !== undefined) return children(of.value);
  if (of.error) return html`<${Failed} error=${of.error} isTrying=${of.isTrying} retry=${of.reload} />`;
  return html`<${Skeleton} lines=${lines} />`;
}

/** @param {{lines?: number}} props */
export function Skeleton({ lines = 3 }) {
  return html`<div class="skeleton" role="status">
    <span class="only-heard">${t("state.loading")}</span>
    ${Array.from({ length: lines }, () => html`<i></i>`)}
  </div>`;
}

/** @param {any} props */
export function Failed({ error, isTrying, retry }) {
  const isMissing = error instanceof Problem && error.status === 404;
  return html`<div class="empty" role="alert">
    <h2>${isTrying ? t("outage.title") : isMissing ? t("missing.title") : t("error.title")}</h2>
    <p>${isTrying ? t("outage.text") : isMissing ? t("missing.text") : explain(error)}</p>
    ${isMissing
      ? html`<a class="button" href="/">${t("missing.home")}</a>`
      : html`<button class="button" onClick=${retry}>${t("state.retry")}</button>`}
  </div>`;
}

/** @param {any} props */
export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

/** @param {any} props */
export function Note({ kind = "", role, children }) {
  return html`<div class="note ${kind}" role=${role}>${children}</div>`;
}

/** What went wrong with something that was just tried. @param {{error: unknown}} props */
export function Trouble({ error }) {
  return error ? html`<${Note} kind="bad" role="alert">${explain(error)}<//>` : null;
}

/** @param {{status: string, kind: string}} props */
export function Status({ status, kind }) {
  const tone = STATUS_TONES[status] ?? "";
  return html`<span class="tag ${tone}">${t(`${kind}.${status}`)}</span>`;
}
/** @type {Record<string, string>} */
const STATUS_TONES = {
  on_sale: "good", confirmed: "good", completed: "good", valid: "good", open: "good", active: "good",
  upcoming: "accent", scheduled: "accent", waiting: "accent", lobby: "accent",
  paused: "warn", pending: "warn", used: "warn",
  sold_out: "bad", cancelled: "bad", failed: "bad", void: "bad",
};

/**
 * A labelled input. What is wrong with it is said beside it and to those who listen.
 * @param {any} props
 */
export function Field({ label, hint, wrong, id, children, ...input }) {
  const name = id ?? input.name;
  const said = [hint && `${name}-hint`, wrong && `${name}-wrong`].filter(Boolean).join(" ") || undefined;
  const rest = { id: name, "aria-invalid": wrong ? "true" : undefined, "aria-describedby": said, ...input };
  return html`<div class="field">
    <label for=${name}>${label}</label>
    ${children ? children(rest) : h("input", rest)}
    ${hint && html`<span class="hint" id="${name}-hint">${hint}</span>`}
    ${wrong && html`<span class="wrong" id="${name}-wrong">${wrong}</span>`}
  </div>`;
}

/** What an input of numbers holds: nothing is nothing, and not 0. @param {Event} event @returns {number | ""} */
export function numberIn(event) {
  const { value } = /** @type {HTMLInputElement} */ (event.target);
  return value === "" ? "" : Number(value);
}

/** What the server says of the fields of a form, by their names. @param {unknown} error @returns {Record<string, string>} */
export function fieldErrors(error) {
  if (!(error instanceof Problem) || !Array.isArray(error.body.errors)) return {};
  return Object.fromEntries(error.body.errors.map((/** @type {any} */ one) => [one.field, one.message]));
}

/**
 * A button that cannot be pressed twice: it waits for what it does.
 * @param {any} props
 */
export function Action({ onClick, kind = "", busy, disabled, children, ...rest }) {
  const [isBusy, setBusy] = useState(false);
  const press = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy || busy || disabled) return;
    setBusy(true);
    try {
      await onClick(event);
    } finally {
      setBusy(false);
    }
  };
  const isIdle = !(isBusy || busy);
  return html`<button type="button" class="button ${kind}" aria-disabled=${isIdle && !disabled ? undefined : "true"}
    aria-busy=${isIdle ? undefined : "true"} onClick=${press} ...${rest}>${children}</button>`;
}

/** Runs something and keeps what went wrong. @returns {[unknown, (work: () => Promise<any>) => Promise<any>, (error: unknown) => void]} */
export function useTrouble() {
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const attempt = async (/** @type {() => Promise<any>} */ work) => {
    setError(null);
    try {
      return await work();
    } catch (caught) {
      if (!(caught instanceof Problem || caught instanceof Unreachable)) console.error(caught);
      setError(caught);
      return undefined;
    }
  };
  return [error, attempt, setError];
}

/** A dialog that takes the whole attention. @param {any} props */
export function Sheet({ title, onClose, children }) {
  const place = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const dialog = place.current;
    dialog?.showModal();
    // Closed before it goes, so that the focus returns to where it came from.
    return () => dialog?.close();
  }, []);
  return html`<dialog class="sheet" ref=${place} aria-labelledby="sheet-title"
      onCancel=${(/** @type {Event} */ event) => { event.preventDefault(); onClose(); }}>
    <h2 id="sheet-title">${title}</h2>
    ${children}
  </dialog>`;
}

/** Seconds left until a time of the server, counted down; 0 afterwards. @param {string | null | undefined} time */
export function useCountdown(time) {
  const [left, setLeft] = useState(time ? until(time) : 0);
  useEffect(() => {
    if (!time) return undefined;
    const tick = () => setLeft(Math.max(0, until(time)));
    tick();
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [time]);
  return left;
}

/** The numbers in this page's address. @param {RegExp} pattern */
export function fromAddress(pattern) {
  return pattern.exec(location.pathname)?.slice(1).map(decodeURIComponent) ?? [];
}

/** A page of a list and a button for more. @param {(cursor: string | null, signal?: AbortSignal) => Promise<any>} load @param {any[]} inputs */
export function usePages(load, inputs = []) {
  const first = useLoad((signal) => load(null, signal), inputs);
  const [more, setMore] = useState(/** @type {any[]} */ ([]));
  const [error, attempt] = useTrouble();
  useEffect(() => setMore([]), [first.value]);
  const pages = first.value ? [first.value, ...more] : [];
  const next = pages.at(-1)?.nextCursor ?? null;
  const loadMore = () => attempt(async () => {
    const page = await load(next);
    setMore((before) => [...before, page]);
  });
  const items = pages.flatMap((page) => page.items);
  return { ...first, items, error: first.error ?? error, hasMore: next !== null, loadMore };
}

