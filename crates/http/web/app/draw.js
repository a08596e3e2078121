// The lobby of a sale with a draw, and what lets everybody check the draw.

import { get } from "./api.js";
import { clock, date, number, span, t } from "./i18n.js";
import { pause, until } from "./time.js";
import { html, useCountdown, useEffect, useState } from "./ui.js";

/** Seconds between two looks at what everybody may know of a line. */
const LOOK = 5;
/** How many in the lobby ask for it in a second, at the most: a million look every eight minutes. */
const LOOKS_A_SECOND = 2_000;

/**
 * What everybody may know of a line: looked at again and again, and the less often the more there are who look.
 * @param {string} concertId
 * @param {boolean} [isOn]
 */
export function useLine(concertId, isOn = true) {
  const [line, setLine] = useState(/** @type {any} */ (null));
  useEffect(() => {
    if (!isOn) return undefined;
    const stop = new AbortController();
    (async () => {
      while (!stop.signal.aborted) {
        const latest = await get(`/concerts/${concertId}/queue`, { anonymous: true, signal: stop.signal }).catch(() => null);
        if (latest && !stop.signal.aborted) setLine(latest);
        const seconds = Math.max(LOOK, (latest?.waiting ?? 0) / LOOKS_A_SECOND);
        // Not all at the same moment.
        await pause(seconds * 1000 * (0.75 + Math.random() / 2), stop.signal);
      }
    })();
    return () => stop.abort();
  }, [concertId, isOn]);
  return line;
}

/** A fan's place in the lobby. @param {any} props `children` is the way out */
export function Lobby({ concertId, status, link, children }) {
  const line = useLine(concertId);
  // It ticks; what is left is asked for anew, so that the first picture is right as well.
  useCountdown(line?.opensAt);
  const left = line?.opensAt ? Math.max(0, until(line.opensAt)) : 0;
  const isDue = line !== null && left <= 0;
  return html`
    <section class="card place" aria-labelledby="lobby">
      <h2 id="lobby">${t("queue.lobby")}</h2>
      <p class="soft">${isDue ? t("queue.drawingText") : t("queue.saleOpensIn")}</p>
      <p class="big-number" role="timer" aria-live="off">${line === null ? "…" : isDue ? t("queue.drawing") : left > 7200 ? span(left) : clock(left)}</p>
      <p class="lead">${t("queue.lobbyText")}</p>
      <dl class="facts">
        <dt>${t("queue.lobbyHere")}</dt><dd data-here=${line?.waiting}>${line ? number(line.waiting) : "…"}</dd>
        <dt>${t("queue.saleOpens")}</dt><dd>${line?.opensAt ? date(line.opensAt, { style: "short" }) : "…"}</dd>
        <dt>${t("queue.seatsLeft")}</dt><dd>${number(status.seatsLeft)}</dd>
        <dt>${t("queue.link")}</dt><dd><span class="tag ${link === "lost" ? "warn" : "good"}">${t(`queue.link.${link}`)}</span></dd>
      </dl>
    </section>
    <section class="stack tight" aria-labelledby="next">
      <h2 id="next">${t("queue.next")}</h2>
      <ul class="prose-list">
        <li>${t("queue.lobbyNextDraw")}</li><li>${t("queue.lobbyNextLate")}</li><li>${t("queue.lobbyNextStay")}</li>
      </ul>
    </section>
    <${Proof} concertId=${concertId} status=${status} />
    ${children}`;
}

/** What the draw is bound to and, afterwards, all of it. Asked for only by those who want to see it. @param {any} props */
export function Proof({ concertId, status }) {
  const [isOpen, setOpen] = useState(false);
  const line = useLine(concertId, isOpen);
  const draw = line?.draw;
  const isDone = draw?.entryCount !== undefined;
  const path = `/api/v1/concerts/${concertId}/queue/draw`;
  return html`<details class="card proof" onToggle=${(/** @type {any} */ event) => setOpen(event.target.open)}>
    <summary>${t("draw.title")}</summary>
    ${isOpen && !line && html`<p class="soft">${t("state.loading")}</p>`}
    ${draw && html`<div class="stack">
      <p>${t(isDone ? "draw.after" : "draw.before")}</p>
      <dl class="stack tight">
        <div><dt class="soft">${t("draw.commitment")}</dt><dd><code data-commitment>${draw.commitment}</code></dd></div>
        ${isDone && html`<div><dt class="soft">${t("draw.seed")}</dt><dd><code data-seed>${draw.seed}</code></dd></div>`}
        <div><dt class="soft">${t("draw.entry")}</dt><dd><code>${status.entryId}</code></dd></div>
        ${isDone && html`<div><dt class="soft">${t("draw.entries")}</dt><dd>${number(draw.entryCount)}</dd></div>`}
      </dl>
      ${isDone && html`<p><a class="button" href=${path} download="draw.json">${t("draw.list")}</a></p>
        <p>${t("draw.verify")}</p>
        <pre class="code-text"><code>${`frontrow draw verify draw.json --entry ${status.entryId}`}</code></pre>`}
    </div>`}
  </details>`;
}
