// The map that is seen: a canvas, moved by wheel, pinch, drag and keys. It tells what was touched and decides nothing.

import { select, zoom, zoomIdentity, zoomTransform } from "../../vendor/d3-zoom.js";
import { colorsOf } from "./colors.js";
import { Tiles } from "./tiles.js";

/** Milliseconds of a frame that drawing may take; the rest is for everything else. */
const BUDGET = 6;
/** The same until the map was drawn once: nobody moves it yet. */
const FIRST_BUDGET = 30;
/** Pixels of a seat from which on a finger can meet it. */
const TOUCHABLE = 16;
/** How large the largest seat is. */
const LARGEST = 56;
/** Part of the view that a key moves it by. */
const STEP = 0.2;

export class HallView {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./model.js").Hall} hall
   * @param {{onSeat: (i: number) => void, describe: (section: import("./model.js").Section) => string, onDrawn?: () => void}} told
   */
  constructor(canvas, hall, told) {
    this.canvas = canvas;
    this.hall = hall;
    this.told = told;
    this.ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.colors = colorsOf(hall);
    this.tiles = new Tiles(hall, () => this.colors);
    /** @type {Set<number>} */
    this.chosen = new Set();
    this.hovered = -1;
    this.isAsked = false;
    this.isDrawn = false;
    this.zoom = zoom().clickDistance(6).on("zoom", () => this.invalidate());
    this.stage = /** @type {any} */ (select(canvas));
    this.stage.call(this.zoom).on("dblclick.zoom", null);
    this.#listen();
    this.resize();
    this.fit();
  }

  #listen() {
    const stop = new AbortController();
    const { signal } = stop;
    this.stop = stop;
    this.canvas.addEventListener("click", (event) => this.#touch(event), { signal });
    this.canvas.addEventListener("pointermove", (event) => this.#hover(event), { signal });
    this.canvas.addEventListener("pointerleave", () => this.#setHovered(-1), { signal });
    this.canvas.addEventListener("keydown", (event) => this.#key(event), { signal });
    addEventListener("frontrow:theme", () => this.recolor(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor(), { signal });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.canvas);
  }

  /** Ends everything that it does. */
  close() {
    this.stop?.abort();
    this.observer?.disconnect();
    this.stage.on(".zoom", null);
  }

  /** Takes the size that the page gives it. */
  resize() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || !clientHeight) return;
    const isFirst = this.ratio === undefined;
    this.ratio = ratio;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    const { width, height, spacing } = this.hall;
    const whole = Math.min(clientWidth / (width + 2 * spacing), clientHeight / (height + 2 * spacing));
    this.whole = whole;
    const largest = Math.max(LARGEST / this.hall.side, whole);
    const edge = 0.5 * Math.max(clientWidth, clientHeight) / whole;
    this.zoom.scaleExtent([Math.min(whole * 0.9, largest), largest])
      .extent([[0, 0], [clientWidth, clientHeight]])
      .translateExtent([[-edge / 2, -edge / 2], [width + edge / 2, height + edge / 2]]);
    if (!isFirst) this.invalidate();
  }

  /** Shows the whole hall. */
  fit() {
    const { width, height } = this.hall;
    const scale = this.whole ?? 1;
    const x = (this.canvas.clientWidth - width * scale) / 2;
    const y = (this.canvas.clientHeight - height * scale) / 2;
    this.stage.call(this.zoom.transform, zoomIdentity.translate(x, y).scale(scale));
  }

  /** Shows a part of the hall as large as it can be. @param {{left: number, top: number, right: number, bottom: number}} part */
  show({ left, top, right, bottom }) {
    const { clientWidth, clientHeight } = this.canvas;
    const edge = 2 * this.hall.spacing;
    const fits = Math.min(clientWidth / (right - left + edge), clientHeight / (bottom - top + edge));
    const scale = Math.max(Math.min(fits, 36 / this.hall.side), this.whole ?? 0);
    const x = clientWidth / 2 - (scale * (left + right)) / 2;
    const y = clientHeight / 2 - (scale * (top + bottom)) / 2;
    this.stage.call(this.zoom.transform, zoomIdentity.translate(x, y).scale(scale));
  }

  /** Shows a seat among its neighbours. @param {number} i */
  showSeat(i) {
    const reach = this.hall.spacing * 6;
    const [x, y] = [this.hall.x[i], this.hall.y[i]];
    this.show({ left: x - reach, right: x + reach, top: y - reach, bottom: y + reach });
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.stage.call(this.zoom.scaleBy, factor);
  }

  /** @param {Iterable<number>} seats */
  choose(seats) {
    this.chosen = new Set(seats);
    this.invalidate();
  }

  /** Seats have changed. @param {number[]} seats */
  repaint(seats) {
    this.tiles.repaint(seats);
    this.invalidate();
  }

  /** Everything has changed. */
  reset() {
    this.tiles.clear();
    this.invalidate();
  }

  recolor() {
    this.colors = colorsOf(this.hall);
    this.reset();
  }

  /** Draws in the next frame. */
  invalidate() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.#draw();
    });
  }

  #draw() {
    const begun = performance.now();
    const { ink, canvas, hall } = this;
    const ratio = this.ratio ?? 1;
    const view = zoomTransform(canvas);
    const device = { x: view.x * ratio, y: view.y * ratio, k: view.k * ratio };
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.fillStyle = this.colors.floor;
    ink.fillRect(0, 0, canvas.width, canvas.height);
    const isDone = this.tiles.draw(ink, device, canvas.width, canvas.height, begun + (this.isDrawn ? BUDGET : FIRST_BUDGET));
    ink.setTransform(device.k, 0, 0, device.k, device.x, device.y);
    for (const i of this.chosen) this.#drawChosen(i, device.k);
    if (this.hovered >= 0) this.#outline(this.hovered, this.colors.ink, 2 / view.k);
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (hall.side * view.k < TOUCHABLE && hall.sections.length > 1) this.#drawNames(view);
    if (!isDone) return this.invalidate();
    this.isDrawn = true;
    return this.told.onDrawn?.();
  }

  /** @param {number} i @param {number} k */
  #drawChosen(i, k) {
    const { ink, hall } = this;
    // Never too small to be found again.
    const half = Math.max(hall.side / 2, 7 / k);
    const [x, y] = [hall.x[i], hall.y[i]];
    ink.fillStyle = this.colors.ink;
    ink.beginPath();
    ink.roundRect(x - half, y - half, 2 * half, 2 * half, half * 0.4);
    ink.fill();
    ink.strokeStyle = this.colors.halo;
    ink.lineWidth = half * 0.3;
    ink.lineCap = "round";
    ink.beginPath();
    ink.moveTo(x - half * 0.45, y);
    ink.lineTo(x - half * 0.1, y + half * 0.38);
    ink.lineTo(x + half * 0.5, y - half * 0.38);
    ink.stroke();
  }

  /** @param {number} i @param {string} color @param {number} width */
  #outline(i, color, width) {
    const { ink, hall } = this;
    const half = hall.side / 2 + width;
    ink.strokeStyle = color;
    ink.lineWidth = width;
    ink.beginPath();
    ink.roundRect(hall.x[i] - half, hall.y[i] - half, 2 * half, 2 * half, half * 0.4);
    ink.stroke();
  }

  /** Names of sections, while seats are too small to be told apart. @param {{x: number, y: number, k: number}} view */
  #drawNames(view) {
    const { ink, hall, colors } = this;
    ink.textAlign = "center";
    ink.textBaseline = "middle";
    ink.lineJoin = "round";
    ink.lineWidth = 4;
    for (const section of hall.sections) {
      const width = (section.right - section.left) * view.k;
      if (!section.name || width < 24) continue;
      const x = view.x + (view.k * (section.left + section.right)) / 2;
      const y = view.y + (view.k * (section.top + section.bottom)) / 2;
      const isRoomy = width > 72 && (section.bottom - section.top) * view.k > 34;
      this.#write(section.name, x, isRoomy ? y - 8 : y, `600 ${isRoomy ? 14 : 11}px`, colors.ink);
      if (isRoomy) this.#write(this.told.describe(section), x, y + 9, "500 12px", colors.ink);
    }
  }

  /** @param {string} text @param {number} x @param {number} y @param {string} font @param {string} color */
  #write(text, x, y, font, color) {
    const { ink } = this;
    ink.font = `${font} system-ui, sans-serif`;
    ink.strokeStyle = this.colors.halo;
    ink.strokeText(text, x, y);
    ink.fillStyle = color;
    ink.fillText(text, x, y);
  }

  /** @param {{offsetX: number, offsetY: number}} event */
  #place({ offsetX, offsetY }) {
    const view = zoomTransform(this.canvas);
    return { x: view.invertX(offsetX), y: view.invertY(offsetY), k: view.k };
  }

  /** @param {MouseEvent} event */
  #touch(event) {
    const { x, y, k } = this.#place(event);
    const { hall } = this;
    if (hall.side * k < TOUCHABLE) {
      // Too small to be met: come closer first.
      const i = hall.seatAt(x, y, Math.max(hall.spacing, 24 / k));
      const section = i >= 0 ? hall.sections[hall.section[i]] : null;
      const isLarge = section && Math.max(section.right - section.left, section.bottom - section.top) > 30 * hall.spacing;
      if (section && hall.sections.length > 1 && !isLarge) this.show(section);
      else if (section) this.show({ left: x - 8 * hall.spacing, right: x + 8 * hall.spacing, top: y - 6 * hall.spacing, bottom: y + 6 * hall.spacing });
      return;
    }
    const i = hall.seatAt(x, y);
    if (i >= 0) this.told.onSeat(i);
  }

  /** @param {PointerEvent} event */
  #hover(event) {
    if (event.pointerType === "touch" || event.buttons) return;
    const { x, y, k } = this.#place(event);
    this.#setHovered(this.hall.side * k < TOUCHABLE ? -1 : this.hall.seatAt(x, y));
  }

  /** @param {number} i */
  #setHovered(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    this.canvas.style.cursor = i >= 0 && this.hall.state[i] === 0 ? "pointer" : "grab";
    this.canvas.title = i >= 0 ? this.hall.labels[i] : "";
    this.invalidate();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const view = zoomTransform(this.canvas);
    const [width, height] = [this.canvas.clientWidth * STEP / view.k, this.canvas.clientHeight * STEP / view.k];
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.stage.call(this.zoom.translateBy, width, 0),
      ArrowRight: () => this.stage.call(this.zoom.translateBy, -width, 0),
      ArrowUp: () => this.stage.call(this.zoom.translateBy, 0, height),
      ArrowDown: () => this.stage.call(this.zoom.translateBy, 0, -height),
      "+": () => this.zoomBy(1.5),
      "=": () => this.zoomBy(1.5),
      "-": () => this.zoomBy(1 / 1.5),
      0: () => this.fit(),
    };
    if (event.ctrlKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}
