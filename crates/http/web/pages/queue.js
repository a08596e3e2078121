// The waiting room: where one stands, how long it may take, and what happens next. It moves by itself.

import { Problem, get } from "../app/api.js";
import { Lobby, Proof } from "../app/draw.js";
import { clock, date, number, span, t } from "../app/i18n.js";
import { dropPass, join, leave, pass, standing, watch } from "../app/line.js";
import { mustLogIn } from "../app/session.js";
import { callByTitle, chime, readySound } from "../app/sound.js";
import { Action, Failed, Note, Sheet, Skeleton, Trouble, fromAddress, html, mount, useCountdown, useEffect, useLoad, useRef, useState, useTitle, useTrouble } from "../app/ui.js";

const [concertId] = fromAddress(/^\/concerts\/([^/]+)\/queue/);
const wanted = new URLSearchParams(location.search).get("schedule");
/** Seconds between being let in and going on by itself, so that nobody loses the page they are reading. */
const GO_ON = 3;

function WaitingRoom() {
  const concert = useLoad((signal) => get(`/concerts/${concertId}`, { signal }));
  const [status, setStatus] = useState(/** @type {any} */ (null));
  const [link, setLink] = useState("stream");
  const [round, setRound] = useState(0);
  const entry = useLoad(async (signal) => {
    const known = await standing(concertId);
    return known ?? join(concertId, signal);
  }, [round]);
  useTitle(concert.value?.title);
  useEffect(readySound, []);
  useEffect(() => {
    if (entry.value) setStatus(entry.value);
    const token = entry.value && pass(concertId);
    return token && entry.value.state !== "expired" ? watch(token, setStatus, setLink) : undefined;
  }, [entry.value]);
  const again = () => {
    dropPass(concertId);
    setStatus(null);
    setRound(round + 1);
  };
  const title = concert.value?.title;
  return html`
    <header class="stack tight">
      <p class="soft">${title ? html`<bdi>${title}</bdi>` : html`<span class="blank">…</span>`}</p>
      <h1>${t("queue.title")}</h1>
    </header>
    ${!status && entry.error && html`<${NoPlace} error=${entry.error} room=${concert.value?.waitingRoom} isTrying=${entry.isTrying} retry=${entry.reload} />`}
    ${!status && !entry.error && html`<${Skeleton} />`}
    ${status && html`<${Place} status=${status} link=${link} again=${again} concert=${concert.value} />`}`;
}

/** @param {any} props */
function NoPlace({ error, room, isTrying, retry }) {
  const code = error instanceof Problem ? error.code : "";
  const opensAt = error instanceof Problem ? error.body.opensAt : null;
  if (code === "sale_not_open" && opensAt) return html`<${NotOpen} opensAt=${opensAt} lobby=${room?.lobbyOpensAt} retry=${retry} />`;
  if (code === "no_waiting_room") {
    location.replace(`/concerts/${concertId}${wanted ? `/schedules/${wanted}` : ""}`);
    return html`<${Skeleton} />`;
  }
  if (!["sold_out", "sale_closed", "sale_not_open"].includes(code)) {
    return html`<${Failed} error=${error} isTrying=${isTrying} retry=${retry} />`;
  }
  return html`<div class="card stack"><h2>${t(`queue.refused.${code}`)}</h2><p>${t(`queue.refusedText.${code}`)}</p>
    <div class="row"><a class="button" href="/concerts/${concertId}">${t("queue.back")}</a>
    <button class="button" onClick=${retry}>${t("state.retry")}</button></div></div>`;
}

/** @param {any} props */
function NotOpen({ opensAt, lobby, retry }) {
  const left = useCountdown(lobby ?? opensAt);
  const isTime = left <= 0;
  useEffect(() => {
    if (!isTime) return undefined;
    // The server's clock decides; the door may open a moment later than our count.
    retry();
    const timer = setInterval(retry, 1_000);
    return () => clearInterval(timer);
  }, [isTime]);
  return html`<div class="card place">
    <p class="soft">${t(lobby ? "queue.lobbyOpensIn" : "queue.opensIn")}</p>
    <p class="big-number" role="timer">${left > 7200 ? span(left) : clock(left)}</p>
    <p>${lobby ? t("queue.lobbyOpensText", { lobby: date(lobby, { style: "short" }), sale: date(opensAt, { style: "short" }) })
      : t("queue.opensText", { time: date(opensAt, { style: "short" }) })}</p>
    ${lobby && html`<p>${t("queue.lobbyText")}</p>`}
  </div>`;
}

/** @param {any} props */
function Place({ status, link, again, concert }) {
  return html`
    ${status.notice && html`<${Note} kind="warn" role="status"><strong>${t("queue.notice")}</strong> <bdi>${status.notice}</bdi><//>`}
    ${status.state === "waiting" && html`<${Waiting} status=${status} link=${link} isDrawn=${Boolean(concert?.waitingRoom.lobbyOpensAt)} />`}
    ${status.state === "lobby" && html`<${Lobby} concertId=${concertId} status=${status} link=${link}><${Leave} isLobby /><//>`}
    ${status.state === "active" && html`<${Admitted} status=${status} concert=${concert} />`}
    ${status.state === "expired" && html`<${Ended} status=${status} again=${again} />`}`;
}

/** @param {any} props */
function Waiting({ status, link, isDrawn }) {
  const first = useRef(/** @type {number | null} */ (null));
  if (first.current === null) first.current = Math.max(status.ahead, 1);
  const share = 1 - Math.min(1, status.ahead / first.current);
  const wait = status.estimatedWaitSeconds;
  const isHeld = status.room === "paused" || status.room === "sold_out";
  return html`
    <section class="card place" aria-label=${t("queue.yourPlace")}>
      <p class="soft">${t("queue.aheadOfYou")}</p>
      <p class="big-number" data-ahead=${status.ahead}>${number(status.ahead)}</p>
      <div class="meter" aria-hidden="true"><i style=${{ transform: `scaleX(${Math.max(0.02, share)})` }}></i></div>
      <p class="lead" data-wait>${isHeld ? t(`queue.room.${status.room}`) : wait ? waitText(wait) : t("queue.noEstimate")}</p>
      <p class="only-heard" role="status" aria-live="polite">${spoken(status)}</p>
      <dl class="facts">
        <dt>${t("queue.position")}</dt><dd>${number(status.position)}</dd>
        ${isDrawn && html`<dt>${t("draw.number")}</dt><dd data-number=${status.sequence}>${number(status.sequence)}</dd>`}
        <dt>${t("queue.seatsLeft")}</dt><dd>${number(status.seatsLeft)}</dd>
        <dt>${t("queue.seatsHeld")}</dt><dd>${number(status.seatsHeld)}</dd>
        <dt>${t("queue.link")}</dt><dd><span class="tag ${link === "lost" ? "warn" : "good"}">${t(`queue.link.${link}`)}</span></dd>
      </dl>
    </section>
    <section class="stack tight" aria-labelledby="next">
      <h2 id="next">${t("queue.next")}</h2>
      <ul class="prose-list">
        <li>${t("queue.nextTurn")}</li><li>${t("queue.nextSafe")}</li><li>${t("queue.nextHold")}</li>
      </ul>
    </section>
    ${isDrawn && html`<${Proof} concertId=${concertId} status=${status} />`}
    <${Leave} />`;
}

/** @param {{low: number, high: number}} wait */
function waitText({ low, high }) {
  const [from, to] = [span(low), span(high)];
  return from === to ? t("queue.waitAbout", { time: from }) : t("queue.wait", { from, to });
}

/** What is read aloud: not every step, or nobody could listen to anything else. @param {any} status */
function spoken({ ahead, room }) {
  const rounded = ahead > 100 ? Math.ceil(ahead / 50) * 50 : ahead > 10 ? Math.ceil(ahead / 10) * 10 : ahead;
  return `${t("queue.spoken", { n: rounded })} ${room === "paused" ? t("queue.room.paused") : ""}`;
}

/** @param {{isLobby?: boolean}} props */
function Leave({ isLobby = false }) {
  const leaving = t(isLobby ? "queue.leaveLobby" : "queue.leave");
  const [isAsked, setAsked] = useState(false);
  const [error, attempt] = useTrouble();
  const go = () => attempt(async () => {
    await leave(concertId);
    location.assign(`/concerts/${concertId}`);
  });
  return html`
    <div><button class="button quiet" onClick=${() => setAsked(true)}>${leaving}</button></div>
    <${Trouble} error=${error} />
    ${isAsked && html`<${Sheet} title=${t(isLobby ? "queue.leaveLobbyTitle" : "queue.leaveTitle")} onClose=${() => setAsked(false)}>
      <p>${t(isLobby ? "queue.leaveLobbyText" : "queue.leaveText")}</p>
      <div class="row"><button class="button" onClick=${() => setAsked(false)}>${t("queue.stay")}</button>
      <${Action} kind="danger" onClick=${go}>${leaving}<//></div><//>`}`;
}

/** @param {any} props */
function Admitted({ status, concert }) {
  const left = useCountdown(status.expiresAt);
  const schedules = concert?.schedules ?? [];
  const open = schedules.filter((/** @type {any} */ one) => one.status === "on_sale");
  const chosen = schedules.find((/** @type {any} */ one) => String(one.scheduleId) === wanted) ?? (open.length === 1 ? open[0] : null);
  const address = chosen ? `/concerts/${concertId}/schedules/${chosen.scheduleId}` : `/concerts/${concertId}`;
  const button = useRef(/** @type {HTMLAnchorElement | null} */ (null));
  useEffect(() => {
    chime();
    callByTitle(t("queue.yourTurn"));
    button.current?.focus();
  }, []);
  useEffect(() => {
    if (!chosen) return undefined;
    // Only for somebody who looks: the time to claim the turn runs for the others, and the tab calls them.
    let timer = 0;
    const look = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible") timer = window.setTimeout(() => location.assign(address), GO_ON * 1000);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [address, Boolean(chosen)]);
  return html`<section class="card place turn" role="alert">
    <h2>${t("queue.yourTurn")}</h2>
    <p class="big-number" role="timer" aria-live="off">${clock(left)}</p>
    <p>${t(chosen ? "queue.turnText" : "queue.turnChoose")}</p>
    <a class="button main big" ref=${button} href=${address}>${t("queue.toSeats")}</a>
  </section>`;
}

/** @param {any} props */
function Ended({ status, again }) {
  const reason = status.endReason ?? "closed";
  return html`<section class="card stack">
    <h2>${t(`queue.ended.${reason}`)}</h2>
    <p>${t(`queue.endedText.${reason}`)}</p>
    <div class="row">
      ${reason === "paid" ? html`<a class="button main" href="/reservations">${t("nav.reservations")}</a>` : null}
      ${reason !== "closed" && html`<button class="button ${reason === "paid" ? "" : "main"}" onClick=${again}>${t("queue.joinAgain")}</button>`}
      <a class="button" href="/concerts/${concertId}">${t("queue.back")}</a>
    </div>
  </section>`;
}

if (!mustLogIn()) mount(WaitingRoom);
