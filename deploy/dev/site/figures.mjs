// The figures of the site that docs/performance.md has: how much a first visit loads, when it shows, how soon a large hall
// can be used, and what panning costs, on a processor that is slowed down four times. Run by `make site-figures`.
import { client, makeConcert, open, startBrowser, startServer } from "./tests/support.mjs";

const SLOWER = 4;
const RUNS = 3;
const HALLS = [50_000, 100_000];

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const quantile = (values, part) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;

/** A hall with so many seats: forty sections of rows. */
function arena(seats) {
  const perRow = 50;
  const rows = seats / 40 / perRow;
  const sections = Array.from({ length: 40 }, (_, at) => ({
    name: `S${at + 1}`,
    rows: Array.from({ length: rows }, (_, row) => ({ row: String(row + 1), seats: perRow, grade: at < 10 ? "VIP" : "R", aislesAfter: [25] })),
  }));
  return { rows: { sections, prices: { VIP: 150_000, R: 99_000 } } };
}

/** What a page loads and when it shows its largest part, as a first visitor. */
async function visit(browser, server, path, who) {
  const shown = [];
  let bytes = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const window = await open(browser, server, { viewport: { width: 390, height: 844 }, serviceWorkers: "block" });
    if (who) {
      await window.page.goto("/favicon.ico");
      await window.page.evaluate((kept) => localStorage.setItem("frontrow.session", JSON.stringify(kept)), who);
    }
    const debug = await window.context.newCDPSession(window.page);
    await debug.send("Network.enable");
    await debug.send("Network.setCacheDisabled", { cacheDisabled: true });
    await debug.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    let loaded = 0;
    debug.on("Network.loadingFinished", ({ encodedDataLength }) => { loaded += encodedDataLength; });
    await window.page.goto(path);
    await window.page.waitForLoadState("networkidle").catch(() => {});
    shown.push(await window.page.evaluate(() => new Promise((resolve) => {
      new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime)).observe({ type: "largest-contentful-paint", buffered: true });
    })));
    bytes = Math.max(bytes, loaded);
    await window.close();
  }
  return { path, kilobytes: Math.round(bytes / 1024), largestPaintMs: Math.round(median(shown)) };
}

/** How soon a hall can be used, and what a frame costs while it is panned. */
async function hall(browser, server, seats) {
  const night = await makeConcert(server, { title: `${seats} seats`, seatPlan: arena(seats) });
  const path = `/concerts/${night.concertId}/schedules/${night.scheduleId}`;
  // The server draws a plan when it is first asked for it. That is the server's figure, and not the browser's.
  await fetch(`${server.base}/api/v1${path}/plan`, { headers: { "accept-encoding": "gzip" } }).then((answer) => answer.arrayBuffer());
  const ready = [];
  let frames = [];
  for (let run = 0; run < RUNS; run += 1) {
    const { page, context, close } = await open(browser, server, { email: `fan${run + 1}@demo.frontrow` });
    const debug = await context.newCDPSession(page);
    await debug.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    await page.goto(path);
    await page.locator("canvas[data-drawn]").waitFor();
    ready.push(await page.evaluate(() => performance.getEntriesByName("hall-drawn")[0].startTime));
    frames = frames.concat(await pan(page, debug));
    await close();
  }
  return {
    seats, usableMs: Math.round(median(ready)), frames: frames.length,
    scriptMsMedian: quantile(frames, 0.5).toFixed(1), scriptMs95: quantile(frames, 0.95).toFixed(1), scriptMs99: quantile(frames, 0.99).toFixed(1), scriptMsMost: Math.max(...frames).toFixed(1),
  };
}

/** Zooms in and drags the map about; gives the milliseconds of script of every frame. */
async function pan(page, debug) {
  const box = await page.locator("canvas").boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  for (let step = 0; step < 4; step += 1) await page.getByRole("button", { name: "Zoom in" }).click();
  const events = [];
  debug.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await debug.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["devtools.timeline", "disabled-by-default-devtools.timeline"] } });
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let step = 0; step < 60; step += 1) await page.mouse.move(x + 180 * Math.sin(step / 12), y + 120 * Math.sin(step / 17));
  await page.mouse.up();
  const done = new Promise((resolve) => debug.once("Tracing.tracingComplete", resolve));
  await debug.send("Tracing.end");
  await done;
  return scriptPerFrame(events);
}

/** @param {any[]} events of a trace */
function scriptPerFrame(events) {
  const scripts = ["FunctionCall", "FireAnimationFrame", "EventDispatch", "TimerFire", "RunMicrotasks", "EvaluateScript"];
  const main = events.find(({ name }) => name === "FireAnimationFrame");
  const all = events.filter(({ pid, tid, ph }) => pid === main?.pid && tid === main?.tid && ph === "X").sort((a, b) => a.ts - b.ts);
  const frames = [];
  let spent = 0;
  let until = 0;
  for (const { name, ts, tdur, dur = 0 } of all) {
    if (name === "Commit") {
      if (spent > 0) frames.push(spent / 1000);
      spent = 0;
    }
    // What runs inside of something else is counted with that.
    if (!scripts.includes(name) || ts < until) continue;
    // The time of the thread and not of the clock: others may have the processor meanwhile.
    spent += tdur ?? dur;
    until = ts + dur;
  }
  return frames;
}

const server = await startServer();
const browser = await startBrowser();
try {
  const fan = await (await fetch(`${server.base}/api/v1/auth/login`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email: "fan1@demo.frontrow", password: "frontrow-demo" }) })).json();
  const kept = { ...fan, endsAt: Date.now() + fan.expiresIn * 1000, name: "Fan 1", role: "fan" };
  const asked = await client(server, "fan1@demo.frontrow");
  const held = await asked("POST", "/reservations", { scheduleId: 6, bestAvailable: { quantity: 2 } }).catch(() => null);
  const visits = [];
  for (const [path, who] of [["/", null], ["/concerts/4", null], ["/concerts/2/queue", kept], ...(held ? [[`/checkout/${held.reservationId}`, kept]] : []), ["/wallet", kept]]) {
    visits.push(await visit(browser, server, path, who));
  }
  console.table(visits);
  const halls = [];
  for (const seats of HALLS) halls.push(await hall(browser, server, seats));
  console.table(halls);
} finally {
  await browser.close();
  await server.stop();
}
