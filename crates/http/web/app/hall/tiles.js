// Pictures of parts of the hall, at scales a factor of two apart. Panning only moves pictures; seats are drawn a few at
// a time, for as long as a frame can spare, and a seat that changes is drawn over in the pictures that show it.

import { AVAILABLE, BLOCKED, HELD } from "./model.js";

/** Pixels to the side of a picture. */
const SIDE = 512;
/** Pictures that are kept: 64 MB of pixels. */
const KEPT = 64;
/** Seats that are drawn between two looks at the clock. */
const STEP = 32;
/** Pixels of a seat from which on it has a number, and round corners. */
const NUMBERED = 24;
const ROUND = 7;

/**
 * @typedef {object} Tile
 * @property {HTMLCanvasElement} canvas
 * @property {CanvasRenderingContext2D} ink
 * @property {number[]} seats
 * @property {number} done how many of the areas and seats are drawn
 * @property {number} used when it was last shown
 * @property {number} level @property {number} column @property {number} line
 */

export class Tiles {
  /** @param {import("./model.js").Hall} hall @param {() => import("./colors.js").Colors} colors */
  constructor(hall, colors) {
    this.hall = hall;
    this.colors = colors;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    this.frame = 0;
  }

  /** Forgets all pictures: the colours have changed, or the whole map. */
  clear() {
    this.tiles.clear();
  }

  /**
   * Draws what is seen, as far as there is a picture of it.
   * @param {CanvasRenderingContext2D} ink
   * @param {{x: number, y: number, k: number}} view in pixels of the device
   * @param {number} width @param {number} height
   * @param {number} until the time at which the frame has no more to spare
   * @returns {boolean} whether everything is drawn
   */
  draw(ink, { x, y, k }, width, height, until) {
    this.frame += 1;
    const level = Math.ceil(Math.log2(k) - 0.2);
    const scale = 2 ** level;
    const side = SIDE / scale;
    const shown = SIDE * (k / scale);
    const wanted = [];
    const last = [Math.floor((width - x) / k / side), Math.floor((height - y) / k / side)];
    for (let line = Math.floor(-y / k / side); line <= last[1]; line += 1) {
      for (let column = Math.floor(-x / k / side); column <= last[0]; column += 1) {
        if (this.#isOutside(column, line, side)) continue;
        const tile = this.tiles.get(`${level}/${column}/${line}`);
        const [left, top] = [x + column * shown, y + line * shown];
        if (!tile || !this.#isDone(tile)) {
          wanted.push({ column, line, way: Math.hypot(left + shown / 2 - width / 2, top + shown / 2 - height / 2) });
          this.#drawCoarse(ink, level, column, line, left, top, shown);
        }
        if (!tile) continue;
        tile.used = this.frame;
        // Whole pixels, or seams would show between the pictures.
        const edge = [Math.floor(left), Math.floor(top)];
        ink.drawImage(tile.canvas, edge[0], edge[1], Math.ceil(left + shown) - edge[0], Math.ceil(top + shown) - edge[1]);
      }
    }
    // What is in the middle is looked at first.
    wanted.sort((one, other) => one.way - other.way);
    for (const { column, line } of wanted) {
      if (performance.now() > until || !this.#goOn(this.#tile(level, column, line), until)) return false;
    }
    return wanted.length === 0;
  }

  /** Draws seats that have changed into the pictures that are there. @param {number[]} seats */
  repaint(seats) {
    for (const tile of this.tiles.values()) {
      const scale = 2 ** tile.level;
      const side = SIDE / scale;
      const reach = this.hall.side;
      for (const i of seats) {
        const x = this.hall.x[i] - tile.column * side;
        const y = this.hall.y[i] - tile.line * side;
        if (x > -reach && y > -reach && x < side + reach && y < side + reach) this.#paint(tile, i, scale);
      }
    }
  }

  /** @param {number} column @param {number} line @param {number} side */
  #isOutside(column, line, side) {
    const { width, height, spacing } = this.hall;
    return (column + 1) * side < -spacing || (line + 1) * side < -spacing || column * side > width + spacing || line * side > height + spacing;
  }

  /** @param {Tile} tile */
  #isDone(tile) {
    return tile.done >= this.hall.areas.length + tile.seats.length;
  }

  /** @param {number} level @param {number} column @param {number} line @returns {Tile} */
  #tile(level, column, line) {
    const name = `${level}/${column}/${line}`;
    let tile = this.tiles.get(name);
    if (!tile) {
      const canvas = document.createElement("canvas");
      canvas.width = SIDE;
      canvas.height = SIDE;
      const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const side = SIDE / 2 ** level;
      const reach = this.hall.side;
      const seats = this.hall.within(column * side - reach, line * side - reach, (column + 1) * side + reach, (line + 1) * side + reach);
      tile = { canvas, ink, seats, done: 0, used: 0, level, column, line };
      this.tiles.set(name, tile);
      this.#forgetOld();
    }
    tile.used = this.frame;
    return tile;
  }

  #forgetOld() {
    if (this.tiles.size <= KEPT) return;
    let oldest = null;
    for (const entry of this.tiles) if (!oldest || entry[1].used < oldest[1].used) oldest = entry;
    if (oldest && oldest[1].used < this.frame) this.tiles.delete(oldest[0]);
  }

  /** What a coarser picture shows of the same place, until there is a finer one. @param {CanvasRenderingContext2D} ink @param {number} level @param {number} column @param {number} line @param {number} left @param {number} top @param {number} shown */
  #drawCoarse(ink, level, column, line, left, top, shown) {
    for (let up = 1; up <= 4; up += 1) {
      const parts = 2 ** up;
      const tile = this.tiles.get(`${level - up}/${Math.floor(column / parts)}/${Math.floor(line / parts)}`);
      if (!tile || !this.#isDone(tile)) continue;
      const part = SIDE / parts;
      const from = [(((column % parts) + parts) % parts) * part, (((line % parts) + parts) % parts) * part];
      ink.drawImage(tile.canvas, from[0], from[1], part, part, left, top, shown, shown);
      return;
    }
  }

  /** Draws on until the picture is done or the time is up. @param {Tile} tile @param {number} until */
  #goOn(tile, until) {
    const areas = this.hall.areas.length;
    const scale = 2 ** tile.level;
    while (!this.#isDone(tile)) {
      if (performance.now() > until) return false;
      const end = tile.done + STEP;
      for (; tile.done < Math.min(end, areas); tile.done += 1) this.#paintArea(tile, this.hall.areas[tile.done], scale);
      const last = Math.min(end - areas, tile.seats.length);
      for (let at = tile.done - areas; at < last; at += 1) this.#paint(tile, tile.seats[at], scale);
      tile.done = Math.max(tile.done, areas + Math.max(0, last));
    }
    return true;
  }

  /** @param {Tile} tile @param {number} i @param {number} scale */
  #paint(tile, i, scale) {
    const { hall } = this;
    const { ink } = tile;
    const colors = this.colors();
    const side = Math.max(1, hall.side * scale);
    const left = hall.x[i] * scale - tile.column * SIDE - side / 2;
    const top = hall.y[i] * scale - tile.line * SIDE - side / 2;
    const state = hall.state[i];
    const isFree = state === AVAILABLE;
    if (side < ROUND) {
      ink.fillStyle = isFree ? colors.grades[hall.grade[i]] : state === HELD ? colors.held : colors.taken;
      ink.fillRect(left, top, side, side);
      return;
    }
    // Every state covers what the one before has left.
    ink.fillStyle = colors.floor;
    ink.fillRect(left - 0.5, top - 0.5, side + 1, side + 1);
    ink.beginPath();
    if (isFree) {
      ink.fillStyle = colors.grades[hall.grade[i]];
      ink.roundRect(left, top, side, side, side * 0.22);
    } else {
      // Smaller as well as paler, for those who see no hues.
      const inset = side * (state === HELD ? 0.16 : 0.3);
      ink.fillStyle = state === HELD ? colors.held : colors.taken;
      ink.roundRect(left + inset, top + inset, side - 2 * inset, side - 2 * inset, side * 0.16);
    }
    if (state === BLOCKED) {
      // Nobody's: an outline where others are filled.
      ink.strokeStyle = colors.held;
      ink.lineWidth = Math.max(1, side * 0.08);
      ink.stroke();
      return;
    }
    ink.fill();
    if (isFree && side >= NUMBERED) this.#number(ink, i, left + side / 2, top + side / 2, side, colors);
  }

  /** @param {CanvasRenderingContext2D} ink @param {number} i @param {number} x @param {number} y @param {number} side @param {import("./colors.js").Colors} colors */
  #number(ink, i, x, y, side, colors) {
    const label = this.hall.labels[i];
    const number = this.hall.accessible[i] ? "♿" : (/[^\s-]+$/.exec(label)?.[0] ?? label);
    ink.fillStyle = colors.onGrades[this.hall.grade[i]];
    ink.font = `600 ${Math.round(side * 0.42)}px system-ui, sans-serif`;
    ink.textAlign = "center";
    ink.textBaseline = "middle";
    ink.fillText(number.slice(-4), x, y + side * 0.03, side * 0.9);
  }

  /** @param {Tile} tile @param {any} area @param {number} scale */
  #paintArea(tile, area, scale) {
    const { ink } = tile;
    const colors = this.colors();
    ink.save();
    ink.translate(area.x * scale - tile.column * SIDE, area.y * scale - tile.line * SIDE);
    ink.rotate(((area.rotation ?? 0) * Math.PI) / 180);
    ink.scale(scale, scale);
    ink.beginPath();
    if (area.shape === "circle") ink.arc(0, 0, area.radius, 0, 7);
    if (area.shape === "ellipse") ink.ellipse(0, 0, area.radius, area.radiusY, 0, 0, 7);
    if (area.shape === "rectangle") ink.rect(0, 0, area.width, area.height);
    if (area.shape === "polygon") for (const point of area.points) ink.lineTo(point.x - area.x, point.y - area.y);
    if (area.shape === "polygon") ink.closePath();
    // The colours of a file are made for white paper: here areas are quiet, whatever they say.
    ink.fillStyle = colors.area;
    ink.strokeStyle = colors.areaLine;
    ink.lineWidth = 1.5 / scale;
    if (area.shape !== "text") {
      ink.fill();
      ink.stroke();
    }
    const text = area.text;
    if (text?.text) {
      const size = Math.max(text.size, 10 / scale);
      ink.fillStyle = colors.areaText;
      ink.font = `600 ${size}px system-ui, sans-serif`;
      ink.textAlign = "center";
      ink.textBaseline = "middle";
      ink.fillText(text.text, text.x - area.x, text.y - area.y);
    }
    ink.restore();
  }
}
