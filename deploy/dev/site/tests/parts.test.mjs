// Parts of the pages by themselves, without a browser: the clock, the hall, the calendar file.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const web = process.env.FRONTROW_WEB ?? join(dirname(fileURLToPath(import.meta.url)), "../web");
const load = (path) => import(pathToFileURL(join(web, path)).href);

const answer = (date, cache = "private, no-cache") =>
  /** @type {any} */ ({ headers: new Headers({ date: new Date(date).toUTCString(), "cache-control": cache }) });

test("the server's clock is found within the second that Date leaves open, and old answers do not count", async (context) => {
  const { note, now } = await load("app/time.js");
  context.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  // The server is an hour ahead. Its Date is cut to seconds; the answers take 40 ms.
  const server = () => Date.now() + 3_600_000;
  for (let look = 0; look < 20; look += 1) {
    const asked = Date.now();
    context.mock.timers.tick(20);
    const told = server();
    context.mock.timers.tick(20);
    note(answer(told), asked);
    context.mock.timers.tick(137);
  }
  assert.ok(Math.abs(now() - server()) < 150, `${now() - server()} ms off`);
  note(answer(server() - 86_400_000, "public, max-age=31536000, immutable"), Date.now());
  assert.ok(Math.abs(now() - server()) < 150, "what was kept for a day tells nothing");
  // Somebody sets the clock of the device: what was known is forgotten, not averaged.
  context.mock.timers.setTime(Date.now() + 10 * 60_000);
  const after = Date.now() - 10 * 60_000 + 3_600_000;
  note(answer(after), Date.now());
  assert.ok(Math.abs(now() - after) < 1_000);
});

/** Two rows of five, three grades apart. */
async function hall() {
  const { Hall } = await load("app/hall/model.js");
  const row = (name, first, y, grade) => ({ row: name, seats: [0, 1, 2, 3, 4].map((at) => ({ no: first + at, label: `${name}-${at + 1}`, grade, x: 20 * at, y, accessible: first + at === 10 })) });
  const plan = { size: { width: 100, height: 60 }, areas: [], grades: [{ grade: "R", color: "#123456" }, { grade: "S", color: "#abc" }],
    sections: [{ name: "1F", rows: [row("A", 1, 0, "R"), row("B", 6, 20, "R")] }, { name: "2F", rows: [row("C", 11, 40, "S")] }] };
  return new Hall(plan, { grades: [{ grade: "R", price: 9 }, { grade: "S", price: 5 }] });
}

test("a hall takes over a map and its changes, and old ones not twice", async () => {
  const made = await hall();
  made.load({ version: 7, states: "aahsbaaaaaaaaaa" });
  assert.deepEqual(made.sections.map(({ free }) => free), [7, 5]);
  assert.deepEqual(made.change({ version: 8, changes: [{ no: 1, state: "held" }, { no: 3, state: "available" }, { no: 4, state: "sold" }] }), [0, 2]);
  assert.deepEqual(made.sections.map(({ free }) => free), [7, 5]);
  assert.deepEqual(made.change({ version: 8, changes: [{ no: 2, state: "sold" }] }), []);
  assert.equal(made.price(0), 9);
});

test("a seat is found where it is drawn, and nowhere else", async () => {
  const made = await hall();
  assert.equal(made.spacing, 20);
  assert.equal(made.seatAt(41, 1), 2);
  assert.equal(made.seatAt(80, 40), 14);
  assert.equal(made.seatAt(70, 10), -1);
  assert.equal(made.seatAt(-500, 9_000), -1);
  assert.equal(made.within(0, 0, 100, 60).length, 15);
});

test("what is offered instead is free, of the same grade, and near, in the same row first", async () => {
  const made = await hall();
  made.load({ version: 1, states: "a".repeat(15) });
  made.state[2] = 1;
  assert.ok([1, 3].includes(made.nearest(2, new Set())));
  assert.ok([0, 4].includes(made.nearest(2, new Set([1, 3]))), "a seat further along the row before one behind");
  for (const i of [0, 1, 3, 4]) made.state[i] = 2;
  assert.equal(made.nearest(2, new Set()), 7);
  for (const i of [5, 6, 7, 8]) made.state[i] = 2;
  // What is left of this grade is for wheelchairs, and is nobody's second choice.
  assert.equal(made.nearest(2, new Set()), -1);
});

test("a calendar file keeps texts of strangers within their lines", async () => {
  globalThis.location = /** @type {any} */ ({ origin: "https://tickets.example" });
  const { calendar } = await load("app/calendar.js");
  const text = calendar({ reservationId: "r", createdAt: "2026-01-01T00:00:00Z", startsAt: "2026-05-01T10:30:00Z", seats: [{ label: "A-1" }, { label: "A-2" }],
    concertTitle: "Night; one, two\\\r\nEND:VEVENT\r\nX:", venue: "가".repeat(60) }, 90);
  const lines = text.split("\r\n");
  assert.equal(lines.filter((line) => line === "END:VEVENT").length, 1);
  assert.ok(lines.includes("DTSTART:20260501T103000Z") && lines.includes("DTEND:20260501T120000Z"));
  assert.ok(lines.includes("SUMMARY:Night\\; one\\, two\\\\\\nEND:VEVENT\\nX:"), text);
  assert.ok(lines.every((line) => Buffer.byteLength(line) <= 75));
  assert.ok(text.replaceAll("\r\n ", "").includes(`LOCATION:${"가".repeat(60)}\r\n`));
});
