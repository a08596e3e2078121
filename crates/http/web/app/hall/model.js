// The hall in memory: where every seat is, what it costs, and who may have it. Numbers in flat arrays, because a stadium
// has a hundred thousand seats and a phone has to pan over them.

/** The letters of the compact map, as numbers. */
export const AVAILABLE = 0;
export const HELD = 1;
export const SOLD = 2;
export const BLOCKED = 3;
const LETTERS = "ahsb";
/** @type {Record<string, number>} */
const WORDS = { available: AVAILABLE, held: HELD, sold: SOLD, blocked: BLOCKED };

/** Spacings of seats to the side of a cell of the grid that seats are found by. */
const CELL = 6;
/** What a seat takes of the way to its neighbour. */
const FILL = 0.82;

/**
 * @typedef {object} Section
 * @property {string | null} name
 * @property {{name: string | null, first: number, last: number}[]} rows seats of a row follow each other by number
 * @property {number} left @property {number} top @property {number} right @property {number} bottom
 * @property {number} size @property {number} free
 */

export class Hall {
  /** @param {any} plan the drawing @param {any} schedule with the prices */
  constructor(plan, schedule) {
    this.width = plan.size.width;
    this.height = plan.size.height;
    this.areas = plan.areas;
    /** @type {{grade: string, color: string, price: number}[]} */
    this.grades = plan.grades.map((/** @type {any} */ grade) => ({
      ...grade,
      price: schedule.grades.find((/** @type {any} */ one) => one.grade === grade.grade)?.price ?? 0,
    }));
    const size = plan.sections.reduce((/** @type {number} */ sum, /** @type {any} */ section) =>
      section.rows.reduce((/** @type {number} */ rows, /** @type {any} */ row) => rows + row.seats.length, sum), 0);
    this.size = size;
    this.x = new Float32Array(size);
    this.y = new Float32Array(size);
    this.grade = new Uint16Array(size);
    this.section = new Uint16Array(size);
    this.row = new Uint32Array(size);
    this.accessible = new Uint8Array(size);
    this.state = new Uint8Array(size).fill(BLOCKED);
    /** @type {string[]} */
    this.labels = new Array(size);
    /** @type {Section[]} */
    this.sections = [];
    this.version = -1;
    /** Where the seats of each cell begin in `cellSeats`, and where the last ones end. @type {Uint32Array} */
    this.cellStart = new Uint32Array(0);
    /** @type {Uint32Array} */
    this.cellSeats = new Uint32Array(0);
    this.cell = 1;
    this.columns = 1;
    this.lines = 1;
    this.#read(plan);
    this.spacing = this.#spacing(plan);
    this.side = this.spacing * FILL;
    this.#makeGrid();
  }

  /** @param {any} plan */
  #read(plan) {
    const byName = new Map(this.grades.map(({ grade }, at) => [grade, at]));
    let rowAt = 0;
    plan.sections.forEach((/** @type {any} */ section, /** @type {number} */ sectionAt) => {
      /** @type {Section} */
      const made = { name: section.name, rows: [], left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity, size: 0, free: 0 };
      for (const row of section.rows) {
        for (const seat of row.seats) {
          const i = seat.no - 1;
          this.x[i] = seat.x;
          this.y[i] = seat.y;
          this.grade[i] = byName.get(seat.grade) ?? 0;
          this.section[i] = sectionAt;
          this.row[i] = rowAt;
          this.accessible[i] = seat.accessible ? 1 : 0;
          this.labels[i] = seat.label;
          made.left = Math.min(made.left, seat.x);
          made.right = Math.max(made.right, seat.x);
          made.top = Math.min(made.top, seat.y);
          made.bottom = Math.max(made.bottom, seat.y);
          made.size += 1;
        }
        if (row.seats.length) made.rows.push({ name: row.row, first: row.seats[0].no - 1, last: row.seats.at(-1).no - 1 });
        rowAt += 1;
      }
      this.sections.push(made);
    });
  }

  /** The usual way from a seat to the next one of its row. @param {any} plan */
  #spacing(plan) {
    const ways = [];
    for (const section of plan.sections) {
      for (const { seats } of section.rows) {
        // A few of each row are enough to know.
        for (let at = 1; at < Math.min(seats.length, 6); at += 1) {
          ways.push(Math.hypot(seats[at].x - seats[at - 1].x, seats[at].y - seats[at - 1].y));
        }
      }
    }
    ways.sort((a, b) => a - b);
    return ways[ways.length >> 1] || Math.max(this.width, this.height) / 20 || 1;
  }

  #makeGrid() {
    const cell = this.spacing * CELL;
    this.cell = cell;
    this.columns = Math.max(1, Math.ceil(this.width / cell) + 1);
    const lines = Math.max(1, Math.ceil(this.height / cell) + 1);
    this.lines = lines;
    const of = (/** @type {number} */ i) => this.#cellOf(this.x[i], this.y[i]);
    this.cellStart = new Uint32Array(this.columns * lines + 1);
    for (let i = 0; i < this.size; i += 1) this.cellStart[of(i) + 1] += 1;
    for (let at = 1; at < this.cellStart.length; at += 1) this.cellStart[at] += this.cellStart[at - 1];
    const next = this.cellStart.slice();
    this.cellSeats = new Uint32Array(this.size);
    for (let i = 0; i < this.size; i += 1) this.cellSeats[next[of(i)]++] = i;
  }

  /** @param {number} x @param {number} y */
  #cellOf(x, y) {
    const column = Math.min(this.columns - 1, Math.max(0, Math.floor(x / this.cell)));
    const line = Math.min(this.lines - 1, Math.max(0, Math.floor(y / this.cell)));
    return line * this.columns + column;
  }

  /**
   * The seats whose middle is in a rectangle or near it.
   * @param {number} left @param {number} top @param {number} right @param {number} bottom
   * @returns {number[]} seats, counted from 0
   */
  within(left, top, right, bottom) {
    const found = [];
    const first = this.#cellOf(left, top);
    const last = this.#cellOf(right, bottom);
    const [fromColumn, toColumn] = [first % this.columns, last % this.columns];
    for (let line = Math.floor(first / this.columns); line <= Math.floor(last / this.columns); line += 1) {
      const begin = this.cellStart[line * this.columns + fromColumn];
      const end = this.cellStart[line * this.columns + toColumn + 1];
      for (let at = begin; at < end; at += 1) found.push(this.cellSeats[at]);
    }
    return found;
  }

  /** The seat at a place, or -1. @param {number} x @param {number} y @param {number} [reach] */
  seatAt(x, y, reach = this.spacing * 0.6) {
    let best = -1;
    let least = reach * reach;
    for (const i of this.within(x - reach, y - reach, x + reach, y + reach)) {
      const way = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
      if (way < least) [least, best] = [way, i];
    }
    return best;
  }

  /** Takes over a whole map. @param {{version: number, states: string}} map */
  load({ version, states }) {
    for (let i = 0; i < this.size; i += 1) this.state[i] = Math.max(0, LETTERS.indexOf(states[i]));
    this.version = version;
    for (const section of this.sections) section.free = 0;
    for (let i = 0; i < this.size; i += 1) if (this.state[i] === AVAILABLE) this.sections[this.section[i]].free += 1;
  }

  /** Takes over what has changed, and says which seats did. @param {{version: number, changes: {no: number, state: string}[]}} news */
  change({ version, changes }) {
    if (version <= this.version) return [];
    this.version = version;
    const seats = [];
    for (const { no, state } of changes) {
      const i = no - 1;
      const next = WORDS[state];
      if (this.state[i] === next) continue;
      const section = this.sections[this.section[i]];
      if (this.state[i] === AVAILABLE) section.free -= 1;
      if (next === AVAILABLE) section.free += 1;
      this.state[i] = next;
      seats.push(i);
    }
    return seats;
  }

  /**
   * The free seat of the same grade that is nearest to one that is gone; -1 without any.
   * @param {number} gone @param {Set<number>} taken seats that are not to be named
   */
  nearest(gone, taken) {
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.size; i += 1) {
      if (this.state[i] !== AVAILABLE || this.grade[i] !== this.grade[gone] || this.accessible[i] !== this.accessible[gone]) continue;
      if (i === gone || taken.has(i)) continue;
      // The same row is worth a longer way.
      const aside = this.row[i] === this.row[gone] ? 1 : 4;
      const way = aside * ((this.x[i] - this.x[gone]) ** 2 + (this.y[i] - this.y[gone]) ** 2);
      if (way < least) [least, best] = [way, i];
    }
    return best;
  }

  /** @param {number} i */
  price(i) {
    return this.grades[this.grade[i]].price;
  }
}
