// A picture of a plan before it is sent: where seats will be, roughly as the server draws them. Whether the plan is
// right is the server's to say; what cannot be drawn is left to it.

const STEP = 24;
const COLORS = ["#1f4e9c", "#c2410c", "#2e7d32", "#8e24aa", "#b8860b", "#00838f", "#6d4c41", "#455a64"];

/**
 * What the server's drawing of a plan looks like.
 * @param {any} seatPlan the member `seatPlan` of a schedule
 * @returns {any} a drawing as `GET …/plan` gives it, or null
 */
export function preview(seatPlan) {
  try {
    const drawing = seatPlan.plain ? plain(seatPlan.plain) : seatPlan.rows ? rows(seatPlan.rows) : pretix(seatPlan.pretix);
    return drawing && finish(drawing);
  } catch {
    // Broken in a way that the server will name.
    return null;
  }
}

/** @typedef {{sections: {name: string | null, rows: {row: string | null, seats: any[]}[]}[], areas: any[], colors?: Record<string, string>}} Drawn */

/** @param {{seats: number}} plan @returns {Drawn} */
function plain({ seats }) {
  const across = Math.max(10, Math.ceil(Math.sqrt(seats * 2)));
  const all = Array.from({ length: Math.min(seats, 100_000) }, (_, at) => ({
    label: String(at + 1), grade: "STANDARD", x: (at % across) * STEP, y: Math.floor(at / across) * STEP,
  }));
  return { sections: [{ name: null, rows: [{ row: null, seats: all }] }], areas: [] };
}

/** @param {any} plan @returns {Drawn} */
function rows({ sections }) {
  let y = 3 * STEP;
  const widest = Math.max(...sections.flatMap((/** @type {any} */ one) => one.rows.map((/** @type {any} */ row) => row.seats + (row.aislesAfter?.length ?? 0))));
  const drawn = sections.map((/** @type {any} */ section) => {
    y += STEP;
    return {
      name: section.name,
      rows: section.rows.map((/** @type {any} */ row) => {
        y += STEP;
        const aisles = row.aislesAfter ?? [];
        const left = ((widest - row.seats - aisles.length) * STEP) / 2;
        const seats = Array.from({ length: row.seats }, (_, at) => ({
          label: `${section.name} ${row.row}-${at + 1}`, grade: row.grade, y,
          x: left + (at + aisles.filter((/** @type {number} */ after) => after <= at).length) * STEP,
          accessible: row.accessible?.includes(at + 1) ?? false,
        }));
        return { row: row.row, seats };
      }),
    };
  });
  const stage = { shape: "rectangle", x: (widest * STEP) / 2 - 5 * STEP, y: 0, width: 10 * STEP, height: 2 * STEP, rotation: 0, text: null };
  return { sections: drawn, areas: [stage] };
}

/** @param {any} pretixPlan @returns {Drawn} */
function pretix({ plan }) {
  const at = (/** @type {any} */ place) => ({ x: place?.position?.x ?? 0, y: place?.position?.y ?? 0 });
  const colors = Object.fromEntries(plan.categories.map((/** @type {any} */ one) => [one.name, one.color]));
  const sections = plan.zones.map((/** @type {any} */ zone) => ({
    name: zone.name ?? null,
    rows: (zone.rows ?? []).map((/** @type {any} */ row) => ({
      row: row.row_number ?? null,
      seats: row.seats.map((/** @type {any} */ seat) => ({
        label: [zone.name, [row.row_number, seat.seat_number].filter(Boolean).join("-")].filter(Boolean).join(" "),
        grade: seat.category, accessible: Boolean(seat.accessible),
        x: at(zone).x + at(row).x + at(seat).x, y: at(zone).y + at(row).y + at(seat).y,
      })),
    })),
  }));
  return { sections, areas: [], colors };
}

/** Numbers the seats, and moves everything into sight. @param {Drawn} drawn */
function finish({ sections, areas, colors = {} }) {
  const seats = sections.flatMap((section) => section.rows.flatMap((row) => row.seats));
  if (seats.length === 0) return null;
  const edge = STEP;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of [...seats, ...areas]) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  seats.forEach((seat, at) => {
    seat.no = at + 1;
    seat.x += edge - left;
    seat.y += edge - top;
  });
  for (const area of areas) [area.x, area.y] = [area.x + edge - left, area.y + edge - top];
  const grades = [...new Set(seats.map((seat) => seat.grade))];
  return {
    size: { width: right - left + 2 * edge, height: bottom - top + 2 * edge },
    grades: grades.map((grade, at) => ({ grade, color: /^#[0-9a-f]{3}([0-9a-f]{3})?$/i.test(colors[grade] ?? "") ? colors[grade] : COLORS[at % COLORS.length] })),
    sections,
    areas,
  };
}
