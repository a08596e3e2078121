// A live chart. The figures are beside it in words: a picture alone tells nothing to those who do not see it.

import uPlot from "../vendor/uplot.js";
import { language, number } from "./i18n.js";
import { html, useEffect, useRef } from "./ui.js";

const HEIGHT = 200;

/** A token of the design, as a canvas needs it. @param {string} token */
function color(token) {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const { color: found } = getComputedStyle(probe);
  probe.remove();
  return found;
}

/**
 * @param {{title: string, data: number[][], series: {label: string, token: string, isBars?: boolean, dash?: number[]}[],
 *   show?: (value: number) => string, seconds?: number}} props the times come first, in seconds; `seconds` is how far
 *   back the chart goes, whatever is known of that
 */
export function Chart({ title, data, series, show = number, seconds }) {
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const chart = useRef(/** @type {any} */ (null));
  useEffect(() => {
    const box = place.current;
    if (!box) return undefined;
    const make = () => {
      chart.current?.destroy();
      const axis = { stroke: color("--ink-soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 }, font: "12px system-ui" };
      chart.current = new uPlot({
        width: box.clientWidth,
        height: HEIGHT,
        cursor: { y: false },
        legend: { live: false },
        scales: { ...(seconds && { x: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ last) => [last - seconds, last] } }), y: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, Math.max(5, most * 1.15)] } },
        axes: [
          { ...axis, values: (/** @type {any} */ _, /** @type {number[]} */ times) => times.map((time) => new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false }).format(time * 1000)), space: 70 },
          { ...axis, size: 64, values: (/** @type {any} */ _, /** @type {number[]} */ values) => values.map((value) => show(value)) },
        ],
        series: [
          { value: (/** @type {any} */ _, /** @type {number | null} */ time) => time === null ? "" : new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(time * 1000) },
          ...series.map(({ label, token, isBars, dash }) => ({
            label, stroke: color(token), width: 2, dash, points: { show: false },
            ...(isBars && { paths: uPlot.paths.bars({ size: [0.7, 40] }), fill: color(token) }),
            value: (/** @type {any} */ _, /** @type {number | null} */ value) => value === null ? "" : show(value),
          })),
        ],
      }, data, box);
    };
    make();
    const observer = new ResizeObserver(() => chart.current?.setSize({ width: box.clientWidth, height: HEIGHT }));
    observer.observe(box);
    const media = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("frontrow:theme", make);
    media.addEventListener("change", make);
    return () => {
      observer.disconnect();
      removeEventListener("frontrow:theme", make);
      media.removeEventListener("change", make);
      chart.current?.destroy();
    };
  }, []);
  useEffect(() => chart.current?.setData(data), [data]);
  return html`<figure class="chart"><figcaption>${title}</figcaption><div ref=${place} class="chart-place" aria-hidden="true"></div></figure>`;
}
