// The levers of a line: how many, how fast, whether at all, and what everybody in it is told. What a change would do to
// the wait is shown before it is made.

import { call } from "./api.js";
import { span, t } from "./i18n.js";
import { Action, Field, Note, Trouble, fieldErrors, html, numberIn, useEffect, useState, useTrouble } from "./ui.js";

/** Milliseconds without a key after which a change is tried out. */
const TYPING = 400;

/** @param {{concertId: string}} props */
export function Steer({ concertId }) {
  const path = `/admin/concerts/${concertId}/queue`;
  const [settings, setSettings] = useState(/** @type {any} */ (null));
  const [form, setForm] = useState(/** @type {any} */ (null));
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const [isDone, setDone] = useState(false);
  const [error, attempt] = useTrouble();
  const take = (/** @type {any} */ answer) => {
    setSettings(answer.settings);
    setForm(answer.settings);
    setPreview(null);
  };
  // Trying nothing out tells what is in force.
  useEffect(() => {
    void attempt(async () => take(await call("PATCH", path, { body: { dryRun: true } })));
  }, []);
  const change = form && difference(settings, form);
  useEffect(() => {
    if (!change || Object.keys(change).length === 0) return undefined;
    const timer = setTimeout(() => {
      call("PATCH", path, { body: { ...change, dryRun: true } }).then((answer) => setPreview(answer.preview), () => setPreview(null));
    }, TYPING);
    return () => clearTimeout(timer);
  }, [JSON.stringify(change)]);
  if (!form) return html`<${Trouble} error=${error} />`;
  const wrong = fieldErrors(error);
  const set = (/** @type {any} */ event) => {
    setDone(false);
    const { name, type, value } = event.target;
    setForm({ ...form, [name]: type === "number" ? numberIn(event) : value || null });
  };
  const apply = (/** @type {any} */ body) => attempt(async () => {
    take(await call("PATCH", path, { body }));
    setDone(true);
  });
  const hasChange = Object.keys(change ?? {}).length > 0;
  return html`<section class="card" aria-labelledby="steer">
    <div class="row apart"><h2 id="steer">${t("steer.title")}</h2>
      <${Action} kind=${settings.paused ? "main" : "danger"} onClick=${() => apply({ paused: !settings.paused })}>${t(settings.paused ? "steer.resume" : "steer.pause")}<//></div>
    <div class="grid2">
      <${Field} label=${t("steer.maxActive")} name="maxActive" type="number" min="0" value=${form.maxActive} onInput=${set} wrong=${wrong.maxActive} />
      <${Field} label=${t("steer.rate")} name="admitPerSecond" type="number" min="0" step="any" value=${form.admitPerSecond} onInput=${set} wrong=${wrong.admitPerSecond} />
      <${Field} label=${t("steer.session")} name="sessionSeconds" type="number" min="10" value=${form.sessionSeconds} onInput=${set} wrong=${wrong.sessionSeconds} />
    </div>
    <${Field} label=${t("steer.notice")} name="notice" value=${form.notice ?? ""} maxlength="500" hint=${t("steer.noticeHint")} onInput=${set} wrong=${wrong.notice} />
    <p class="soft preview" role="status">${hasChange && preview ? t("steer.preview", { before: wait(preview.waitBefore), after: wait(preview.waitAfter) }) : isDone ? t("steer.done") : ""}</p>
    ${settings.paused && html`<${Note} kind="warn">${t("steer.isPaused")}<//>`}
    <${Trouble} error=${error} />
    <div class="row"><${Action} kind="main" disabled=${!hasChange} onClick=${() => apply(change)}>${t("steer.apply")}<//>
      <label class="check"><input type="checkbox" checked=${settings.drain} onChange=${() => apply({ drain: !settings.drain })} /> ${t("steer.drain")}</label></div>
  </section>`;
}

/** @param {any} before @param {any} after */
function difference(before, after) {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => value !== before[name]));
}

/** @param {{low: number, high: number} | null} range */
function wait(range) {
  return range ? `${span(range.low)} – ${span(range.high)}` : t("steer.unknown");
}
