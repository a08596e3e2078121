// The map as a part of a page, with its buttons and what its colours mean.

import { money, t } from "../i18n.js";
import { html, useEffect, useRef } from "../ui.js";
import { shade } from "./colors.js";
import { HallView } from "./view.js";

/**
 * @param {{hall: import("./model.js").Hall, currency: string, chosen: number[], onSeat: (i: number) => void,
 *   onView: (view: HallView) => void, isStaff?: boolean}} props
 */
export function HallMap({ hall, currency, chosen, onSeat, onView, isStaff = false }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const view = useRef(/** @type {HallView | null} */ (null));
  const told = useRef({ onSeat });
  told.current = { onSeat };
  useEffect(() => {
    if (!canvas.current) return undefined;
    const made = new HallView(canvas.current, hall, {
      onSeat: (i) => told.current.onSeat(i),
      describe: (section) => t("seats.free", { n: section.free }),
      onDrawn: () => {
        if (canvas.current?.dataset.drawn) return;
        // The map can be used from here on: what the figures of docs/performance.md measure.
        performance.mark("hall-drawn");
        if (canvas.current) canvas.current.dataset.drawn = "true";
      },
    });
    view.current = made;
    onView(made);
    return () => made.close();
  }, [hall]);
  useEffect(() => view.current?.choose(chosen), [chosen]);
  return html`<div class="hall">
    <canvas ref=${canvas} tabindex="0" role="img" aria-label=${t("seats.mapLabel", { n: hall.size })} aria-describedby="map-keys"></canvas>
    <p class="only-heard" id="map-keys">${t("seats.mapKeys")}</p>
    <div class="hall-buttons">
      <button class="button" aria-label=${t("seats.zoomIn")} onClick=${() => view.current?.zoomBy(1.6)}>+</button>
      <button class="button" aria-label=${t("seats.zoomOut")} onClick=${() => view.current?.zoomBy(1 / 1.6)}>−</button>
      <button class="button" aria-label=${t("seats.whole")} onClick=${() => view.current?.fit()}>⤢</button>
    </div>
  </div>
  <${Legend} hall=${hall} currency=${currency} isStaff=${isStaff} />`;
}

/** @param {{hall: import("./model.js").Hall, currency: string, isStaff: boolean}} props */
function Legend({ hall, currency, isStaff }) {
  return html`<ul class="legend small" role="list" aria-label=${t("seats.legend")}>
    ${hall.grades.map(({ grade, color, price }) => html`
      <li><i style=${{ "--light": shade(color, false), "--dark": shade(color, true) }}></i><bdi>${grade}</bdi> <span class="soft">${money(price, currency)}</span></li>`)}
    <li><i class="held"></i>${t("seats.state.held")}</li>
    <li><i class="taken"></i>${t("seats.state.sold")}</li>
    ${isStaff && html`<li><i class="kept"></i>${t("seats.state.blocked")}</li>`}
  </ul>`;
}

