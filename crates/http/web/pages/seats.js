// Choosing seats: on the map or in the list, or the best ones at once. What is shown is what is held: nobody gets other
// seats than they saw, without being asked.

import { Problem, command, get } from "../app/api.js";
import { BestSeats } from "../app/hall/best.js";
import { Choice, Gone } from "../app/hall/choice.js";
import { keepUp } from "../app/hall/feed.js";
import { SeatList } from "../app/hall/list.js";
import { HallMap } from "../app/hall/map.js";
import { AVAILABLE, HELD, Hall } from "../app/hall/model.js";
import { clock, date, t } from "../app/i18n.js";
import { pass, standing } from "../app/line.js";
import { mustLogIn, session } from "../app/session.js";
import { Loaded, Note, Trouble, fromAddress, html, mount, useCountdown, useEffect, useLoad, useMemo, useRef, useState, useTitle, useTrouble } from "../app/ui.js";

const [concertId, scheduleId] = fromAddress(/^\/concerts\/([^/]+)\/schedules\/([^/]+)/);
const path = `/concerts/${concertId}/schedules/${scheduleId}`;
const line = `/concerts/${concertId}/queue?schedule=${scheduleId}`;

function Seats() {
  const loaded = useLoad(async (signal) => {
    const [concert, place] = await Promise.all([get(`/concerts/${concertId}`, { signal }), standing(concertId)]);
    const schedule = concert.schedules.find((/** @type {any} */ one) => String(one.scheduleId) === scheduleId);
    if (!schedule) throw new Problem(404, { code: "not_found" });
    const isStaff = ["operator", "admin"].includes(session()?.role ?? "");
    const status = concert.waitingRoom.enabled && !isStaff ? place : null;
    if (concert.waitingRoom.enabled && !isStaff && status?.state !== "active") {
      location.replace(line);
      return new Promise(() => {});
    }
    const [plan, held] = await Promise.all([
      get(`${path}/plan?v=${schedule.planVersion}`, { signal }),
      get(`/reservations?status=pending&concertId=${concertId}`, { signal }),
    ]);
    return { concert, schedule, status, hall: new Hall(plan, schedule), held: held.items };
  });
  useTitle(loaded.value?.concert.title);
  return html`<${Loaded} of=${loaded}>${(/** @type {any} */ all) => html`<${Choosing} ...${all} />`}<//>`;
}

/** @param {any} props */
function Choosing({ concert, schedule, status, hall, held }) {
  const [mode, setMode] = useState("map");
  const [chosen, setChosen] = useState(/** @type {number[]} */ ([]));
  const [gone, setGone] = useState(/** @type {number[]} */ ([]));
  const [isLive, setLive] = useState(true);
  const [isReady, setReady] = useState(false);
  const [isOver, setOver] = useState(false);
  const [, setChange] = useState(0);
  const [message, setMessage] = useState("");
  const [isLost, setLost] = useState(false);
  const [turn, setTurn] = useState(status);
  const [error, attempt, setError] = useTrouble();
  const view = useRef(/** @type {import("../app/hall/view.js").HallView | null} */ (null));
  const latest = useRef(chosen);
  const isHolding = useRef(false);
  latest.current = chosen;

  useEffect(() => {
    const stop = new AbortController();
    const lose = () => {
      if (isHolding.current) return;
      const lost = latest.current.filter((i) => hall.state[i] !== AVAILABLE);
      if (lost.length) setGone(lost);
    };
    void keepUp({
      path, pass: pass(concertId), hall, signal: stop.signal,
      onMap: () => {
        view.current?.reset();
        setReady(true);
        lose();
        setChange((n) => n + 1);
        // Looking at seats is what begins the session: until then its end was that of the time to come in.
        if (status) standing(concertId).then((latest) => latest && setTurn(latest), () => {});
      },
      onChange: (seats) => { view.current?.repaint(seats); lose(); setChange((n) => n + 1); },
      onRefused: () => setOver(true),
      onLive: setLive,
    });
    return () => stop.abort();
  }, [hall]);

  const toggle = (/** @type {number} */ i) => {
    setError(null);
    if (chosen.includes(i)) return setChosen(chosen.filter((one) => one !== i));
    if (hall.state[i] !== AVAILABLE) return setMessage(t("seats.notFree", { label: hall.labels[i] }));
    if (chosen.length >= schedule.maxSeatsPerFan) return setMessage(t("seats.limit", { n: schedule.maxSeatsPerFan }));
    setMessage("");
    return setChosen([...chosen, i]);
  };
  const hold = (/** @type {any} */ wish) => attempt(async () => {
    isHolding.current = true;
    try {
      const body = { scheduleId: Number(scheduleId), ...wish };
      const made = await command("POST", "/reservations", { body, name: `hold.${scheduleId}`, pass: pass(concertId), onTrouble: setLost });
      location.assign(`/checkout/${made.reservationId}`);
      // The page goes: nothing of it is to be touched any more.
      await new Promise(() => {});
    } catch (refusal) {
      isHolding.current = false;
      if (!(refusal instanceof Problem)) throw refusal;
      if (refusal.code === "seat_unavailable" && wish.seats) return setGone(markGone(hall, refusal, wish.seats));
      if (["queue_token_expired", "queue_not_active", "queue_token_required", "queue_token_invalid"].includes(refusal.code)) return setOver(true);
      throw refusal;
    }
    return undefined;
  });
  const offers = useMemo(() => nearest(hall, gone, chosen), [gone]);
  const settle = (/** @type {number[]} */ instead) => {
    view.current?.repaint(gone);
    setChosen([...chosen.filter((i) => !gone.includes(i)), ...instead]);
    setGone([]);
  };

  return html`
    <nav aria-label=${t("nav.back")}><a href="/concerts/${concertId}">← <bdi>${concert.title}</bdi></a></nav>
    <header class="row apart">
      <div class="stack tight"><h1>${t("seats.title")}</h1>
        <p class="soft"><time datetime=${schedule.startsAt}>${date(schedule.startsAt, { zone: schedule.timeZone })}</time> · <bdi>${schedule.venue}</bdi></p></div>
      ${turn && !isOver && html`<${Session} status=${turn} onOver=${() => setOver(true)} />`}
    </header>
    ${isOver && html`<${Note} kind="warn" role="alert"><p>${t("seats.over")}</p><div class="row">
      <a class="button main" href=${line}>${t("queue.joinAgain")}</a><a class="button" href="/reservations">${t("nav.reservations")}</a></div><//>`}
    ${held.filter((/** @type {any} */ one) => String(one.scheduleId) === scheduleId).map((/** @type {any} */ one) => html`
      <${Note} key=${one.reservationId}><div class="row apart"><span>${t("seats.youHold", { labels: one.seats.map((/** @type {any} */ seat) => seat.label).join(", ") })}</span>
      <a class="button main" href="/checkout/${one.reservationId}">${t("seats.toPay")}</a></div><//>`)}
    ${isLost && html`<${Note} kind="warn" role="status">${t("command.trouble")}<//>`}
    <${Trouble} error=${error} />
    <div class="seats-layout">
      <div class="best-place"><${BestSeats} schedule=${schedule} onBest=${(/** @type {any} */ bestAvailable) => hold({ bestAvailable })} /></div>
      <div class="stack map-place">
        <div class="row apart">
          <div class="choice" role="group" aria-label=${t("seats.how")}>
            <button aria-pressed=${String(mode === "map")} onClick=${() => setMode("map")}>${t("seats.asMap")}</button>
            <button aria-pressed=${String(mode === "list")} onClick=${() => setMode("list")}>${t("seats.asList")}</button>
          </div>
          <span class="tag ${isLive ? "good" : "warn"}" role="status">${t(isLive ? "seats.live" : "seats.notLive")}</span>
        </div>
        ${mode === "map"
          ? html`<${HallMap} hall=${hall} currency=${schedule.currency} chosen=${chosen} onSeat=${toggle}
              onView=${(/** @type {any} */ made) => { view.current = made; }} />`
          : isReady && html`<${SeatList} hall=${hall} currency=${schedule.currency} chosen=${chosen} onSeat=${toggle} />`}
        <p class="seat-message" role="status" aria-live="polite">${message}</p>
      </div>
      <div class="choice-place ${chosen.length ? "filled" : ""}">
        <${Choice} hall=${hall} schedule=${schedule} chosen=${chosen} onDrop=${toggle}
          onHold=${() => hold({ seats: chosen.map((i) => i + 1) })} />
      </div>
    </div>
    ${gone.length > 0 && html`<${Gone} hall=${hall} schedule=${schedule} gone=${gone} offers=${offers}
      onTake=${() => settle(offers)} onClose=${() => settle([])} />`}`;
}

/** @param {any} props */
function Session({ status, onOver }) {
  const left = useCountdown(status.expiresAt);
  const isOver = left <= 0;
  useEffect(() => {
    if (isOver) onOver();
  }, [isOver]);
  return html`<span class="tag ${left < 60 ? "warn" : ""}" role="timer">${t("seats.session", { time: clock(left) })}</span>`;
}

/** Notes what a refusal says before the map does. @param {Hall} hall @param {Problem} refusal @param {number[]} asked */
function markGone(hall, refusal, asked) {
  const seats = (refusal.body.seats ?? asked).map((/** @type {number} */ no) => no - 1);
  for (const i of seats) {
    if (hall.state[i] !== AVAILABLE) continue;
    hall.state[i] = HELD;
    hall.sections[hall.section[i]].free -= 1;
  }
  return seats;
}

/** @param {Hall} hall @param {number[]} gone @param {number[]} chosen */
function nearest(hall, gone, chosen) {
  const taken = new Set(chosen);
  const offers = [];
  for (const i of gone) {
    const offer = hall.nearest(i, taken);
    if (offer < 0) break;
    taken.add(offer);
    offers.push(offer);
  }
  return offers;
}

if (!mustLogIn()) mount(Seats);
