// Keeping seats back, and releasing them, on the map as it is.

import { Problem, command, get } from "../app/api.js";
import { keepUp } from "../app/hall/feed.js";
import { SeatList } from "../app/hall/list.js";
import { HallMap } from "../app/hall/map.js";
import { AVAILABLE, BLOCKED, Hall } from "../app/hall/model.js";
import { date, t } from "../app/i18n.js";
import { mountFor } from "../app/staff.js";
import { Action, Field, Loaded, Note, Trouble, fromAddress, html, useEffect, useLoad, useRef, useState, useTitle, useTrouble } from "../app/ui.js";

const [concertId, scheduleId] = fromAddress(/^\/ops\/concerts\/([^/]+)\/schedules\/([^/]+)/);
const path = `/concerts/${concertId}/schedules/${scheduleId}`;

function Seats() {
  const loaded = useLoad(async (signal) => {
    const concert = await get(`/admin/concerts/${concertId}`, { signal });
    const schedule = concert.schedules.find((/** @type {any} */ one) => String(one.scheduleId) === scheduleId);
    if (!schedule) throw new Problem(404, { code: "not_found" });
    const plan = await get(`${path}/plan?v=${schedule.planVersion}`, { signal });
    return { concert, schedule, hall: new Hall(plan, schedule) };
  });
  useTitle(loaded.value?.concert.title);
  return html`<nav aria-label=${t("nav.back")}><a href="/ops/concerts/${concertId}">← <bdi>${loaded.value?.concert.title ?? t("nav.ops")}</bdi></a></nav>
    <h1>${t("opsSeats.title")}</h1>
    <${Loaded} of=${loaded}>${(/** @type {any} */ all) => html`<${Keeping} ...${all} />`}<//>`;
}

/** @param {any} props */
function Keeping({ schedule, hall }) {
  const [mode, setMode] = useState("map");
  const [chosen, setChosen] = useState(/** @type {number[]} */ ([]));
  const [section, setSection] = useState("");
  const [reason, setReason] = useState("");
  const [isReady, setReady] = useState(false);
  const [isLive, setLive] = useState(true);
  const [, setChange] = useState(0);
  const [done, setDone] = useState(/** @type {string} */ (""));
  const [error, attempt, setError] = useTrouble();
  const view = useRef(/** @type {import("../app/hall/view.js").HallView | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    void keepUp({
      path, pass: null, hall, signal: stop.signal, onLive: setLive,
      onMap: () => { view.current?.reset(); setReady(true); setChange((n) => n + 1); },
      onChange: (seats) => { view.current?.repaint(seats); setChange((n) => n + 1); },
      onRefused: (code) => setError(new Problem(403, { code })),
    });
    return () => stop.abort();
  }, [hall]);
  const toggle = (/** @type {number} */ i) => {
    setDone("");
    if (chosen.includes(i)) return setChosen(chosen.filter((one) => one !== i));
    if (hall.state[i] !== AVAILABLE && hall.state[i] !== BLOCKED) return setDone(t("opsSeats.taken", { label: hall.labels[i] }));
    return setChosen([...chosen, i]);
  };
  const change = (/** @type {"block" | "release"} */ what) => attempt(async () => {
    const selection = section ? { section } : { seats: runs(chosen.map((i) => i + 1)) };
    const body = { ...selection, ...(reason.trim() && { reason: reason.trim() }) };
    const answer = await command("POST", `/admin/schedules/${scheduleId}/seats/${what}`, { body, name: `${what}.${scheduleId}` });
    setChosen([]);
    setDone(t("opsSeats.done", { n: answer.changed }));
  });
  const blocked = chosen.length + (section ? 1 : 0) === 0;
  return html`
    <p class="soft"><time datetime=${schedule.startsAt}>${date(schedule.startsAt, { zone: schedule.timeZone })}</time> · <bdi>${schedule.venue}</bdi></p>
    <div class="seats-layout">
      <div class="stack map-place">
        <div class="row apart"><div class="choice" role="group" aria-label=${t("seats.how")}>
          <button aria-pressed=${String(mode === "map")} onClick=${() => setMode("map")}>${t("seats.asMap")}</button>
          <button aria-pressed=${String(mode === "list")} onClick=${() => setMode("list")}>${t("seats.asList")}</button></div>
          <span class="tag ${isLive ? "good" : "warn"}" role="status">${t(isLive ? "seats.live" : "seats.notLive")}</span></div>
        ${mode === "map"
          ? html`<${HallMap} hall=${hall} currency=${schedule.currency} chosen=${chosen} onSeat=${toggle} isStaff onView=${(/** @type {any} */ made) => { view.current = made; }} />`
          : isReady && html`<${SeatList} hall=${hall} currency=${schedule.currency} chosen=${chosen} onSeat=${toggle} mayTake=${[AVAILABLE, BLOCKED]} />`}
      </div>
      <section class="card best-place stack" aria-labelledby="keep">
        <h2 id="keep">${t("opsSeats.keep")}</h2>
        <p>${chosen.length ? t("opsSeats.chosen", { n: chosen.length }) : t("opsSeats.choose")}</p>
        ${hall.sections.length > 1 && html`<${Field} label=${t("opsSeats.orSection")} name="section" id="whole-section" value=${section} onChange=${(/** @type {any} */ event) => setSection(event.target.value)}>
          ${(/** @type {any} */ rest) => html`<select ...${rest}><option value="">${t("opsSeats.noSection")}</option>
            ${hall.sections.filter((/** @type {any} */ one) => one.name).map((/** @type {any} */ one) => html`<option value=${one.name}>${one.name}</option>`)}</select>`}<//>`}
        <${Field} label=${t("night.reason")} name="reason" maxlength="500" value=${reason} onInput=${(/** @type {any} */ event) => setReason(event.target.value)} />
        <div class="row"><${Action} kind="main" disabled=${blocked} onClick=${() => change("block")}>${t("opsSeats.block")}<//>
          <${Action} disabled=${blocked} onClick=${() => change("release")}>${t("opsSeats.release")}<//></div>
        <${Trouble} error=${error} />
        ${done && html`<${Note} kind="good" role="status">${done}<//>`}
      </section>
    </div>`;
}

/** Numbers as the interface takes them: single ones, and pairs for runs. @param {number[]} numbers */
function runs(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  /** @type {[number, number][]} */
  const found = [];
  for (const no of sorted) {
    const last = found.at(-1);
    if (last && last[1] === no - 1) last[1] = no;
    else found.push([no, no]);
  }
  return found.map(([first, last]) => (first === last ? first : [first, last]));
}

mountFor(Seats);
