// A new date of a concert: when, where, how it is sold, and its seats, from a file or by number.

import { Problem, command, get } from "../app/api.js";
import { HallMap } from "../app/hall/map.js";
import { AVAILABLE, Hall } from "../app/hall/model.js";
import { number, t } from "../app/i18n.js";
import { preview } from "../app/plan-preview.js";
import { mountFor } from "../app/staff.js";
import { forInput } from "../app/time.js";
import { Field, Note, Trouble, fieldErrors, fromAddress, html, numberIn, useLoad, useMemo, useState, useTitle, useTrouble } from "../app/ui.js";

const [concertId] = fromAddress(/^\/ops\/concerts\/(\d+)\/schedules\/new/);
/** Problems of a plan that are listed. */
const LISTED = 30;
/** @type {number[]} */
const NOTHING = [];

/** A moment for an input, in the clock of whoever fills it in. @param {number} days from now */
function moment(days) {
  const time = new Date(Date.now() + days * 86_400_000);
  time.setMinutes(0, 0, 0);
  return forInput(time);
}

function NewSchedule() {
  const concert = useLoad((signal) => get(`/admin/concerts/${concertId}`, { signal }));
  const sales = useLoad((signal) => get(`/admin/concerts/${concertId}/sales`, { signal }));
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [form, setForm] = useState({
    venue: "", startsAt: moment(30), durationMinutes: 120, bookingStart: moment(1), bookingEnd: moment(29), timeZone: here,
    maxSeatsPerFan: 4, holdSeconds: 300,
  });
  const [plan, setPlan] = useState(/** @type {any} */ ({ plain: { seats: 50, price: 50_000 } }));
  const [isBusy, setBusy] = useState(false);
  const [error, attempt] = useTrouble();
  const wrong = fieldErrors(error);
  useTitle(t("opsSchedule.title"));
  const set = (/** @type {any} */ event) => setForm({ ...form, [event.target.name]: event.target.type === "number" ? numberIn(event) : event.target.value });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    await attempt(async () => {
      const time = (/** @type {string} */ local) => new Date(local).toISOString();
      const body = { ...form, startsAt: time(form.startsAt), bookingStart: time(form.bookingStart), bookingEnd: time(form.bookingEnd), seatPlan: plan };
      await command("POST", `/admin/concerts/${concertId}/schedules`, { body, name: `schedule.${concertId}` });
      location.assign(`/ops/concerts/${concertId}`);
    });
    setBusy(false);
  };
  const planProblems = error instanceof Problem ? (error.body.errors ?? []).filter((/** @type {any} */ one) => one.field.startsWith("seatPlan")) : [];
  return html`<nav aria-label=${t("nav.back")}><a href="/ops/concerts/${concertId}">← <bdi>${concert.value?.title ?? t("nav.ops")}</bdi></a></nav>
    <h1>${t("opsSchedule.title")}</h1>
    <form class="stack form" onSubmit=${submit} novalidate>
      <section class="card stack">
        <${Field} label=${t("opsSchedule.venue")} name="venue" required value=${form.venue} onInput=${set} wrong=${wrong.venue} />
        <div class="grid2">
          <${Field} label=${t("opsSchedule.startsAt")} name="startsAt" type="datetime-local" value=${form.startsAt} onInput=${set} wrong=${wrong.startsAt} />
          <${Field} label=${t("opsSchedule.minutes")} name="durationMinutes" type="number" min="1" value=${form.durationMinutes} onInput=${set} wrong=${wrong.durationMinutes} />
          <${Field} label=${t("opsSchedule.bookingStart")} name="bookingStart" type="datetime-local" value=${form.bookingStart} onInput=${set} wrong=${wrong.bookingStart} />
          <${Field} label=${t("opsSchedule.bookingEnd")} name="bookingEnd" type="datetime-local" value=${form.bookingEnd} onInput=${set} wrong=${wrong.bookingEnd} />
          <${Field} label=${t("opsSchedule.max")} name="maxSeatsPerFan" type="number" min="1" max="100" value=${form.maxSeatsPerFan} onInput=${set} wrong=${wrong.maxSeatsPerFan} />
          <${Field} label=${t("opsSchedule.hold")} name="holdSeconds" type="number" min="1" max="3600" value=${form.holdSeconds} onInput=${set} wrong=${wrong.holdSeconds} />
        </div>
        <p class="small soft">${t("opsSchedule.zone", { zone: here })}</p>
      </section>
      <${PlanChoice} plan=${plan} setPlan=${setPlan} currency=${sales.value?.currency ?? "KRW"} />
      ${planProblems.length > 0 && html`<${Note} kind="bad" role="alert"><strong>${t("opsSchedule.planWrong", { n: planProblems.length })}</strong>
        <ul class="problems">${planProblems.slice(0, LISTED).map((/** @type {any} */ one) => html`<li><code>${one.field}</code> ${one.message}</li>`)}</ul><//>`}
      <${Trouble} error=${error} />
      <button class="button main big" aria-disabled=${isBusy ? "true" : undefined}>${t("opsSchedule.create")}</button>
    </form>`;
}

/** @param {any} props */
function PlanChoice({ plan, setPlan, currency }) {
  const [mode, setMode] = useState("plain");
  const [file, setFile] = useState(/** @type {{name: string, wrong?: string} | null} */ (null));
  // Prices are no part of the picture: it is made anew only when there are other seats.
  const drawing = useMemo(() => preview(plan), [plan.plain?.seats, plan.rows?.sections, plan.pretix?.plan]);
  const grades = gradesOf(plan);
  const take = async (/** @type {any} */ event) => {
    const [chosen] = event.target.files;
    if (!chosen) return;
    try {
      const text = chosen.name.endsWith(".gz")
        ? await new Response(chosen.stream().pipeThrough(new DecompressionStream("gzip"))).text()
        : await chosen.text();
      setPlan(wrap(JSON.parse(text)));
      setFile({ name: chosen.name });
    } catch {
      setFile({ name: chosen.name, wrong: t("opsSchedule.notJson") });
    }
  };
  const setPrice = (/** @type {string} */ grade, /** @type {number | ""} */ price) => {
    const kind = plan.rows ? "rows" : "pretix";
    setPlan({ [kind]: { ...plan[kind], prices: { ...plan[kind].prices, [grade]: price } } });
  };
  const setPlain = (/** @type {any} */ event) => setPlan({ plain: { ...plan.plain, [event.target.name]: numberIn(event) } });
  const choose = (/** @type {string} */ next) => {
    setMode(next);
    setFile(null);
    if (next === "plain") setPlan({ plain: { seats: 50, price: 50_000 } });
  };
  return html`<section class="card stack" aria-labelledby="plan"><h2 id="plan">${t("opsSchedule.plan")}</h2>
    <div class="choice" role="group" aria-labelledby="plan">
      ${["plain", "file"].map((one) => html`<button type="button" aria-pressed=${String(mode === one)} onClick=${() => choose(one)}>${t(`opsSchedule.plan.${one}`)}</button>`)}
    </div>
    ${mode === "plain" && html`<div class="grid2">
      <${Field} label=${t("opsSchedule.seats")} name="seats" type="number" min="1" max="100000" value=${plan.plain?.seats} onInput=${setPlain} />
      <${Field} label=${t("opsSchedule.price")} name="price" type="number" min="0" value=${plan.plain?.price} onInput=${setPlain} /></div>`}
    ${mode === "file" && html`<${Field} label=${t("opsSchedule.file")} name="file" type="file" accept=".json,.gz,application/json" hint=${t("opsSchedule.fileHint")} wrong=${file?.wrong} onChange=${take} />`}
    ${mode === "file" && file && !file.wrong && grades.length > 0 && html`<div class="grid2">
      ${grades.map((grade) => html`<${Field} key=${grade} label=${t("opsSchedule.priceOf", { grade })} name="price-${grade}" type="number" min="0"
        value=${(plan.rows ?? plan.pretix).prices[grade]} onInput=${(/** @type {any} */ event) => setPrice(grade, numberIn(event))} />`)}</div>`}
    ${(mode === "plain" || (file && !file.wrong)) && html`<${Preview} drawing=${drawing} currency=${currency} prices=${plan.plain ? { STANDARD: plan.plain.price } : (plan.rows ?? plan.pretix).prices} />`}
  </section>`;
}

/** @param {any} props */
function Preview({ drawing, prices, currency }) {
  const hall = useMemo(() => {
    if (!drawing) return null;
    const made = new Hall(drawing, { grades: [] });
    made.state.fill(AVAILABLE);
    for (const section of made.sections) section.free = section.size;
    return made;
  }, [drawing]);
  if (!hall) return html`<${Note} kind="warn">${t("opsSchedule.noPreview")}<//>`;
  for (const one of hall.grades) one.price = prices[one.grade] ?? 0;
  return html`<p>${t("opsSchedule.counted", { seats: number(hall.size), n: hall.sections.length })}</p>
    <${HallMap} hall=${hall} currency=${currency} chosen=${NOTHING} onSeat=${() => {}} onView=${() => {}} />`;
}

/** What kind of plan a file has: one of ours with its prices, or a pretix file as it is. @param {any} content */
function wrap(content) {
  if (content?.plain || content?.rows || content?.pretix) return content;
  if (Array.isArray(content?.sections)) return { rows: { ...content, prices: content.prices ?? {} } };
  return { pretix: { plan: content, prices: Object.fromEntries((content?.categories ?? []).map((/** @type {any} */ one) => [one.name, 0])) } };
}

/** @param {any} plan @returns {string[]} */
function gradesOf(plan) {
  if (plan.pretix) return (plan.pretix.plan?.categories ?? []).map((/** @type {any} */ one) => one.name);
  const rows = (plan.rows?.sections ?? []).flatMap((/** @type {any} */ one) => one.rows ?? []);
  return [...new Set(/** @type {string[]} */ (rows.map((/** @type {any} */ one) => one.grade)))];
}

mountFor(NewSchedule);
