// One concert: what it is, its dates with prices, and the way in.

import { get } from "../app/api.js";
import { date, money, t } from "../app/i18n.js";
import { pass, standing } from "../app/line.js";
import { session } from "../app/session.js";
import { until } from "../app/time.js";
import { Empty, Loaded, Note, Status, fromAddress, html, mount, useEffect, useLoad, useState, useTitle } from "../app/ui.js";

const [concertId] = fromAddress(/^\/concerts\/([^/]+)/);
/** Milliseconds between two looks at what is left. */
const LOOK = 5_000;

function Concert() {
  const concert = useLoad((signal) => get(`/concerts/${concertId}`, { signal }));
  const [mine, setMine] = useState(/** @type {any} */ (null));
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible" && !concert.error) concert.reload();
    }, LOOK);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (pass(concertId)) standing(concertId).then(setMine, () => {});
  }, []);
  useTitle(concert.value?.title);
  return html`<${Loaded} of=${concert}>${(/** @type {any} */ one) => html`<${Details} concert=${one} mine=${mine} />`}<//>`;
}

/** @param {any} props */
function Details({ concert, mine }) {
  const isInLine = mine && ["lobby", "waiting", "active"].includes(mine.state);
  return html`
    <nav aria-label=${t("nav.back")}><a href="/">← ${t("nav.concerts")}</a></nav>
    <header class="stack tight">
      <div class="row"><${Status} kind="concertStatus" status=${concert.status} /></div>
      <h1><bdi>${concert.title}</bdi></h1>
      <p class="lead soft"><bdi>${concert.artist}</bdi></p>
    </header>
    ${isInLine && html`<${Note} kind=${mine.state === "active" ? "good" : ""}>
      <div class="row apart"><strong>${t(STANDING[mine.state], { n: mine.ahead ?? 0 })}</strong>
      <a class="button main" href="/concerts/${concertId}/queue">${t(mine.state === "active" ? "concert.goOn" : mine.state === "lobby" ? "concert.toLobby" : "concert.toLine")}</a></div><//>`}
    ${!isInLine && html`<${LobbyNote} room=${concert.waitingRoom} />`}
    ${concert.description && html`<p class="prose"><bdi>${concert.description}</bdi></p>`}
    <section class="stack" aria-labelledby="dates">
      <h2 id="dates">${t("concert.dates")}</h2>
      ${concert.schedules.length === 0 && html`<${Empty} title=${t("concert.noDates")}><p>${t("concert.noDatesText")}</p><//>`}
      <ul class="dates" role="list">
        ${concert.schedules.map((/** @type {any} */ one) => html`
          <${Schedule} key=${one.scheduleId} schedule=${one} hasLine=${concert.waitingRoom.enabled} isIn=${mine?.state === "active"} />`)}
      </ul>
    </section>`;
}

/** @type {Record<string, string>} what is told of a place */
const STANDING = { lobby: "concert.inLobby", waiting: "concert.youWait", active: "concert.youAreIn" };

/** When the lobby opens, and what it is for; once it is open, the way in. @param {any} props */
function LobbyNote({ room }) {
  if (!room.enabled || !room.lobbyOpensAt || !room.opensAt || until(room.opensAt) <= 0) return null;
  const isOpen = until(room.lobbyOpensAt) <= 0;
  const times = { lobby: date(room.lobbyOpensAt, { style: "short" }), sale: date(room.opensAt, { style: "short" }) };
  const way = `/concerts/${concertId}/queue`;
  return html`<${Note}><p>${t(isOpen ? "concert.lobbyOpen" : "concert.lobbyOpens", times)}</p>
    ${isOpen && html`<div class="row"><a class="button main" href=${session() ? way : `/login?next=${encodeURIComponent(way)}`}>${t("concert.enterLobby")}</a></div>`}<//>`;
}

/** @param {any} props */
function Schedule({ schedule, hasLine, isIn }) {
  const canBuy = schedule.status === "on_sale";
  const seats = `/concerts/${concertId}/schedules/${schedule.scheduleId}`;
  const way = hasLine && !isIn ? `/concerts/${concertId}/queue?schedule=${schedule.scheduleId}` : seats;
  const address = session() ? way : `/login?next=${encodeURIComponent(way)}`;
  return html`<li class="card date">
    <div class="stack tight">
      <h3><time datetime=${schedule.startsAt}>${date(schedule.startsAt, { zone: schedule.timeZone })}</time></h3>
      <p class="soft"><bdi>${schedule.venue}</bdi> · ${t("concert.minutes", { n: schedule.durationMinutes })}</p>
    </div>
    <table class="table small">
      <caption class="only-heard">${t("concert.grades")}</caption>
      <thead><tr><th scope="col">${t("concert.grade")}</th><th scope="col" class="number">${t("concert.price")}</th><th scope="col" class="number">${t("concert.left")}</th></tr></thead>
      <tbody>${schedule.grades.map((/** @type {any} */ grade) => html`<tr>
        <td><bdi>${grade.grade}</bdi></td><td class="number">${money(grade.price, schedule.currency)}</td>
        <td class="number">${grade.seatsLeft === 0 ? t("concert.none") : t("concert.seats", { n: grade.seatsLeft })}</td></tr>`)}
      </tbody>
    </table>
    ${canBuy
      ? html`<a class="button main big wide" href=${address}>${t(hasLine && !isIn ? "concert.join" : "concert.choose")}</a>`
      : html`<div class="row apart"><${Status} kind="concertStatus" status=${schedule.status} />
          ${schedule.status === "upcoming" && html`<span>${t("concert.opensAt", { time: date(schedule.bookingStart, { style: "short" }) })}</span>`}</div>`}
    <p class="small soft">${t("concert.rules", { max: schedule.maxSeatsPerFan, minutes: Math.round(schedule.holdSeconds / 60) })} ${refunds(schedule)}</p>
  </li>`;
}

/** @param {{refundPolicy: {percent: number, untilHoursBefore: number}[] | null}} schedule */
function refunds(schedule) {
  if (!schedule.refundPolicy?.length) return t("concert.noRefund");
  const rows = schedule.refundPolicy.map(({ percent, untilHoursBefore: hours }) =>
    hours % 24 === 0 ? t("concert.refundDays", { percent, n: hours / 24 }) : t("concert.refundHours", { percent, n: hours }));
  return t("concert.refund", { rows: rows.join(", ") });
}

mount(Concert);
