// The door: a ticket by camera or by hand, green or red with the reason, and an honest word when there is no network.

import { get } from "../app/api.js";
import { Camera } from "../app/camera.js";
import { date, has, number, t } from "../app/i18n.js";
import { lastScans, scan, sendWaiting, waiting } from "../app/scans.js";
import { session } from "../app/session.js";
import { mountFor } from "../app/staff.js";
import { fetchKeys } from "../app/ticket-code.js";
import { Action, Field, Note, html, useCallback, useEffect, useRef, useState, useTitle } from "../app/ui.js";

const DOOR = "frontrow.gate.door";
/** Milliseconds in which the same code before the camera is the same ticket still. */
const SAME = 4_000;
/** Milliseconds between two tries to send what waits. */
const AGAIN = 4_000;
/** Milliseconds between two looks at how many are in. */
const COUNT = 10_000;

/** @typedef {{scheduleId: number, name: string}} Door */

function Gate() {
  const [door, setDoor] = useState(/** @type {Door | null} */ (JSON.parse(localStorage.getItem(DOOR) ?? "null")));
  useTitle(t("gate.title"));
  const choose = (/** @type {Door | null} */ chosen) => {
    if (chosen) localStorage.setItem(DOOR, JSON.stringify(chosen));
    else localStorage.removeItem(DOOR);
    setDoor(chosen);
  };
  return html`<h1>${t("gate.title")}</h1>
    ${door ? html`<${Scanner} door=${door} leave=${() => choose(null)} />` : html`<${Doors} choose=${choose} />`}`;
}

/** @param {{choose: (door: Door) => void}} props */
function Doors({ choose }) {
  const [doors, setDoors] = useState(/** @type {Door[]} */ ([]));
  const [isAway, setAway] = useState(false);
  const [chosen, setChosen] = useState("");
  useEffect(() => {
    (async () => {
      const concerts = (await get("/concerts?limit=100")).items;
      const all = await Promise.all(concerts.map((/** @type {any} */ one) => get(`/concerts/${one.concertId}`)));
      const schedules = all.flatMap((concert) => concert.schedules.map((/** @type {any} */ one) => ({ ...one, title: concert.title })));
      schedules.sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt));
      setDoors(schedules.map((one) => ({ scheduleId: one.scheduleId, name: `${one.title} · ${date(one.startsAt, { zone: one.timeZone, style: "short" })}` })));
    })().catch(() => setAway(true));
  }, []);
  const open = () => {
    const door = doors.find((one) => String(one.scheduleId) === chosen);
    if (door) choose(door);
  };
  return html`<section class="card stack narrow"><h2>${t("gate.which")}</h2>
    ${isAway && html`<${Note} kind="warn" role="alert">${t("error.unreachable")}<//>`}
    <${Field} label=${t("gate.performance")} name="door" value=${chosen} onChange=${(/** @type {any} */ event) => setChosen(event.target.value)}>
      ${(/** @type {any} */ rest) => html`<select ...${rest}><option value="">${t("gate.pick")}</option>
        ${doors.map((one) => html`<option value=${one.scheduleId}>${one.name}</option>`)}</select>`}<//>
    <${Action} kind="main big wide" disabled=${!chosen} onClick=${open}>${t("gate.open")}<//></section>`;
}

/** @param {{door: Door, leave: () => void}} props */
function Scanner({ door, leave }) {
  const [latest, setLatest] = useState(/** @type {any} */ (null));
  const [queued, setQueued] = useState(waiting().length);
  const [log, setLog] = useState(lastScans());
  const [count, setCount] = useState(/** @type {any} */ (null));
  const [code, setCode] = useState("");
  const seen = useRef({ code: "", at: 0 });
  const refresh = () => {
    setQueued(waiting().length);
    setLog(lastScans());
  };
  const take = useCallback(async (/** @type {string} */ text) => {
    const one = text.trim();
    if (!one) return;
    const done = await scan(one, door.scheduleId);
    setLatest(done);
    signal(done.result);
    refresh();
  }, [door.scheduleId]);
  const see = useCallback((/** @type {string} */ text) => {
    // A ticket stays before the camera for a while. It is scanned once.
    const isSame = seen.current.code === text && Date.now() - seen.current.at < SAME;
    seen.current = { code: text, at: Date.now() };
    if (!isSame) void take(text);
  }, [take]);
  useEffect(() => {
    const stop = new AbortController();
    const send = async () => {
      if (waiting().length === 0) return;
      const answered = await sendWaiting();
      if (answered.length) refresh();
    };
    const look = () => get(`/gate/schedules/${door.scheduleId}`, { signal: stop.signal }).then(setCount, () => {});
    void send();
    void look();
    fetchKeys().catch(() => {});
    const timers = [setInterval(send, AGAIN), setInterval(look, COUNT)];
    addEventListener("online", send);
    return () => {
      stop.abort();
      timers.forEach(clearInterval);
      removeEventListener("online", send);
    };
  }, [door.scheduleId]);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void take(code);
    setCode("");
  };
  const refusedLater = log.filter((one) => one.result === "red" && one.wasKept);
  return html`
    <div class="row apart"><p class="lead"><bdi>${door.name}</bdi></p><button class="button quiet" onClick=${leave}>${t("gate.other")}</button></div>
    ${queued > 0 && html`<${Note} kind="warn" role="status"><strong>${t("gate.waiting", { n: queued })}</strong> ${t("gate.waitingText")}<//>`}
    ${refusedLater.length > 0 && html`<${Note} kind="bad" role="alert">${t("gate.refusedLater", { n: refusedLater.length })}<//>`}
    <div class="gate-layout">
      <div class="stack"><${Verdict} scan=${latest} />
        ${count && html`<p class="lead" data-count>${t("gate.count", { in: number(count.admitted), all: number(count.total) })}</p>`}</div>
      <section class="card stack"><${Camera} onCode=${see} />
        <form class="stack" onSubmit=${submit}><${Field} label=${t("gate.code")} name="code" autocomplete="off" autocapitalize="off" spellcheck="false" value=${code}
          onInput=${(/** @type {any} */ event) => setCode(event.target.value)} /><button class="button main">${t("gate.check")}</button></form></section>
    </div>
    <section class="card" aria-labelledby="last"><h2 id="last">${t("gate.last")}</h2>
      ${log.length === 0 ? html`<p class="soft">${t("gate.lastNone")}</p>` : html`<ul class="scans" role="list">${log.map((one) => html`<li key=${one.key}>
        <span class="tag ${{ green: "good", red: "bad", kept: "warn" }[one.result]}">${t(`gate.result.${one.result}`)}</span>
        <span>${one.result === "green" ? html`<bdi>${one.answer.label}</bdi>` : one.result === "red" ? why(one.answer) : t("gate.keptShort")}</span>
        <span class="small soft">${date(one.body.scannedAt, { style: "time" })}${one.wasKept ? ` · ${t("gate.later")}` : ""}</span></li>`)}</ul>`}</section>
    <p class="only-heard">${session()?.name}</p>`;
}

/** @param {{scan: import("../app/scans.js").Scan | null}} props */
function Verdict({ scan: one }) {
  if (!one) return html`<div class="verdict" role="status"><p class="verdict-word">${t("gate.ready")}</p><p>${t("gate.readyText")}</p></div>`;
  const { answer } = one;
  return html`<div class="verdict ${one.result}" role="alert" data-result=${one.result}>
    <p class="verdict-word">${t(`gate.result.${one.result}`)}</p>
    ${one.result === "green" && html`<p class="verdict-seat"><bdi>${answer.label}</bdi></p><p>${answer.grade} · <bdi>${answer.concertTitle}</bdi></p>`}
    ${one.result === "red" && html`<p class="verdict-seat">${why(answer)}</p>`}
    ${one.result === "kept" && html`<p class="verdict-seat">${t("gate.kept")}</p>
      ${answer?.isOurs && html`<p><strong>${t("gate.isOurs", { seat: number(answer.seat) })}</strong></p>`}<p>${t("gate.keptText")}</p>`}
  </div>`;
}

/** @param {any} answer */
function why(answer) {
  const key = `gate.why.${answer?.code}`;
  const time = answer?.usedAt ? date(answer.usedAt, { style: "time" }) : "";
  return has(key) ? t(key, { time }) : (answer?.detail ?? t("error.unknown"));
}

/** Felt as well as seen. @param {string} result */
function signal(result) {
  navigator.vibrate?.(result === "green" ? 80 : [120, 80, 120]);
}

mountFor(Gate, ["gate"]);
