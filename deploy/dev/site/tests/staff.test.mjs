// Operators and the door.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOM, assertAccessible, client, makeConcert, makeLobby, open, startBrowser, startServer, touchSeat, until } from "./support.mjs";

const OPERATOR = "operator@demo.frontrow";
const GATE = "gate@demo.frontrow";

let server;
let browser;
let folder;
before(async () => { [server, browser, folder] = await Promise.all([startServer(), startBrowser(), mkdtemp(join(tmpdir(), "frontrow-plans-"))]); });
after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const figure = (page, name) => page.locator(`[data-figure=${name}]`).textContent();

/** A paid ticket of somebody. */
async function ticket(night, email) {
  const fan = await client(server, email);
  const { reservationId } = await fan("POST", "/reservations", { scheduleId: night.scheduleId, bestAvailable: { quantity: 1 } });
  const { tickets: [made] } = await fan("POST", "/payments", { reservationId });
  return { ...made, reservationId, fan };
}

test("an operator makes a concert with a plan from a file, after the server has refused a broken one", async () => {
  const broken = join(folder, "broken.json");
  const whole = join(folder, "whole.json");
  const rows = (seats, grade) => ({ sections: [{ name: "1F", rows: [{ row: "A", seats, grade, aislesAfter: [4] }, { row: "B", seats: 10, grade: "R" }] }], prices: { VIP: 150_000, R: 90_000 } });
  await writeFile(broken, JSON.stringify(rows(0, "VIP")));
  await writeFile(whole, JSON.stringify(rows(8, "VIP")));
  const { page, close } = await open(browser, server, { email: OPERATOR });
  await page.getByRole("link", { name: "New concert" }).click();
  await page.getByLabel("Title").fill("From a file");
  await page.getByLabel("Artist").fill("The Planners");
  await page.getByLabel("Description").fill("Two rows.");
  await page.getByRole("button", { name: "Create concert" }).click();
  await page.getByRole("heading", { name: "New date" }).waitFor();
  await page.getByLabel("Venue").fill("Planned Hall");
  await page.getByRole("button", { name: "From a file" }).click();
  await page.getByLabel("Seat plan").setInputFiles(broken);
  await page.getByRole("button", { name: "Create date" }).click();
  await page.getByText(/things? (is|are) wrong with this plan/).waitFor();
  await assertAccessible(page, "a plan that is wrong");
  await page.locator(".problems code", { hasText: "seatPlan.rows.sections[0].rows[0].seats" }).waitFor();
  await page.getByLabel("Seat plan").setInputFiles(whole);
  await page.getByText("18 seats in 1 section").waitFor();
  await page.locator("canvas[data-drawn]").waitFor();
  await page.getByLabel("Price of VIP").fill("160000");
  await page.getByRole("button", { name: "Create date" }).click();
  await page.getByRole("heading", { name: "From a file" }).waitFor();
  await until("the figures are there", async () => (await page.locator("[data-figure=left]").count()) === 1 && (await figure(page, "left")) === "18");
  await close();
});

test("the night is seen as it happens, and throttled", async () => {
  const night = await makeConcert(server, { title: "A long night", room: ROOM });
  const { page, close } = await open(browser, server, { email: OPERATOR });
  await page.goto(`/ops/concerts/${night.concertId}`);
  await page.getByRole("button", { name: "Pause the line" }).click();
  await page.getByText("Nobody is being let in.").waitFor();
  for (const n of [1, 2, 3]) await (await client(server, `fan${n}@demo.frontrow`))("POST", "/queues", { concertId: night.concertId });
  await until("three wait", async () => (await figure(page, "waiting")) === "3");
  await page.locator(".uplot canvas").first().waitFor();
  const waiting = await open(browser, server, { email: "fan4@demo.frontrow" });
  await waiting.page.goto(`/concerts/${night.concertId}/queue`);
  await page.getByLabel("Notice to everybody in line").fill("Soon.");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("In force.").waitFor();
  await waiting.page.getByText("Soon.").waitFor();
  await page.getByRole("button", { name: "Let people in again" }).click();
  await waiting.page.getByText("It is your turn!").waitFor();
  await until("they are inside", async () => (await figure(page, "active")) !== "0");
  await waiting.close();
  await close();
});

test("a lobby is set with its concert, and its night is seen until it is drawn", async () => {
  const { page, close } = await open(browser, server, { email: OPERATOR });
  await page.goto("/ops/concerts/new");
  await page.getByLabel("Title").fill("By lot");
  await page.getByLabel("Lobby opens").fill("2031-05-01T19:30");
  await page.getByRole("button", { name: "Create concert" }).click();
  await page.getByRole("heading", { name: "New date" }).waitFor();
  const operator = await client(server, OPERATOR);
  const made = (await operator("GET", "/admin/concerts?query=By lot")).items[0].concertId;
  const room = async () => (await operator("GET", `/admin/concerts/${made}`)).waitingRoom;
  assert.equal((await room()).lobbyOpensAt, "2031-05-01T10:30:00Z", "in the clock of whoever fills it in");
  await page.goto(`/ops/concerts/${made}/edit`);
  await until("it is shown as it was set", async () => (await page.getByLabel("Lobby opens").inputValue()) === "2031-05-01T19:30");
  await page.getByLabel("Lobby opens").fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await page.waitForURL(`**/ops/concerts/${made}`);
  assert.equal((await room()).lobbyOpensAt, null);

  const night = await makeLobby(server, { title: "A night by lot" });
  for (const n of [5, 6]) await (await client(server, `fan${n}@demo.frontrow`))("POST", "/queues", { concertId: night.concertId });
  await page.goto(`/ops/concerts/${night.concertId}`);
  await page.getByText("The lobby is open, 2 fans are in it.").waitFor();
  await until("they wait", async () => (await page.locator("[data-figure=waiting]").count()) === 1 && (await figure(page, "waiting")) === "2");
  await assertAccessible(page, "the night of a lobby");
  await night.openSale();
  await page.getByText("The lobby was drawn: 2 entries.").waitFor();
  await close();
});

test("seats are kept back on the map, and fans see it", async () => {
  const night = await makeConcert(server, { title: "Kept back" });
  const operator = await open(browser, server, { email: OPERATOR });
  const fan = await open(browser, server, { email: "fan11@demo.frontrow" });
  await fan.page.goto(`/concerts/${night.concertId}/schedules/${night.scheduleId}`);
  await fan.page.getByRole("button", { name: "List", exact: true }).click();
  const seat = (no) => fan.page.getByRole("button", { name: new RegExp(`^${no}, STANDARD`) });
  await seat(3).waitFor();
  await operator.page.goto(`/ops/concerts/${night.concertId}/schedules/${night.scheduleId}`);
  for (const no of [3, 4, 5]) await touchSeat(operator.page, server, night, no);
  await operator.page.getByLabel("Reason").fill("photographers");
  await operator.page.getByRole("button", { name: "Keep back", exact: true }).click();
  await operator.page.getByText("3 seats changed.").waitFor();
  await until("the fan sees it", async () => /not for sale$/.test(await seat(4).getAttribute("aria-label")));
  await touchSeat(operator.page, server, night, 4);
  await operator.page.getByRole("button", { name: "Release", exact: true }).click();
  await operator.page.getByText("1 seat changed.").waitFor();
  await until("and that it is free again", async () => /free$/.test(await seat(4).getAttribute("aria-label")));
  await operator.page.goto("/ops/log");
  await operator.page.getByText("photographers").first().waitFor();
  await fan.close();
  await operator.close();
});

test("a fan's reservation is found and refunded", async () => {
  const night = await makeConcert(server, { title: "To be refunded" });
  const { reservationId } = await ticket(night, "fan12@demo.frontrow");
  const { page, close } = await open(browser, server, { email: OPERATOR });
  await page.goto("/ops/find");
  await page.getByLabel("E-mail").fill("fan12@demo.frontrow");
  await page.getByRole("button", { name: "Search" }).click();
  await until("one is left", async () => (await page.locator(".reservation").count()) === 1);
  await page.getByText(reservationId).waitFor();
  await page.getByRole("button", { name: "Refund" }).click();
  await assertAccessible(page, "refunding");
  await page.getByLabel("Percent").fill("50");
  await page.getByLabel("Reason").fill("the lift was out of order");
  await page.getByRole("button", { name: "Give back for ₩25,000" }).click();
  await page.getByText("₩25,000 went back.").waitFor();
  await close();
});

test("an event that was not delivered is looked at and sent again", async () => {
  const { page, close } = await open(browser, server, { email: OPERATOR });
  // Deliveries are given up after hours: the list is put before the page, and what the page asks is looked at.
  let letters = [{ deadLetterId: "01a1fa92-3592-770d-b39f-43b5098205c8", at: new Date().toISOString(), consumer: "chat", eventId: "r:1",
    eventType: "frontrow.payment.completed.v1", tries: 12, reason: "<b>503</b> from the chat", event: { id: "r:1", data: { amount: 1 } } }];
  const replayed = [];
  await page.route("**/admin/events/dead-letters", (route) => route.fulfill({ json: { items: letters, nextCursor: null } }));
  await page.route("**/admin/events/dead-letters/*/replay", (route) => {
    replayed.push(`${route.request().method()} ${new URL(route.request().url()).pathname}`);
    letters = [];
    return route.fulfill({ status: 204 });
  });
  await page.goto("/ops/letters");
  await page.getByText("<b>503</b> from the chat").waitFor();
  await page.getByText("tried 12 times").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Everything was delivered").waitFor();
  assert.deepEqual(replayed, ["POST /api/v1/admin/events/dead-letters/01a1fa92-3592-770d-b39f-43b5098205c8/replay"]);
  // And the list of the server itself is one that the page can read.
  await page.unrouteAll();
  await page.reload();
  await page.getByText("Everything was delivered").waitFor();
  await close();
});

test("what is for staff is not shown to fans", async () => {
  const { page, close } = await open(browser, server, { email: "fan13@demo.frontrow" });
  for (const path of ["/ops", "/ops/find", "/ops/log", "/gate"]) {
    await page.goto(path);
    await page.getByRole("heading", { name: "This page is for staff" }).waitFor();
  }
  await close();
});

/** Opens the door of a performance. */
async function openDoor(page, title) {
  await page.goto("/gate");
  const door = page.getByLabel("Performance");
  await door.locator("option", { hasText: title }).waitFor({ state: "attached" });
  await door.selectOption(await door.locator("option", { hasText: title }).getAttribute("value"));
  await page.getByRole("button", { name: "Open this door" }).click();
}
const verdict = (page, result) => page.locator(`[data-result=${result}]`);

test("a ticket is green once, and then red with the reason", async () => {
  const night = await makeConcert(server, { title: "At the door" });
  const other = await makeConcert(server, { title: "Another evening" });
  const [good, elsewhere] = [await ticket(night, "fan14@demo.frontrow"), await ticket(other, "fan15@demo.frontrow")];
  const { page, close } = await open(browser, server, { email: GATE, viewport: { width: 390, height: 844 } });
  await openDoor(page, "At the door");
  const check = async (code) => {
    await page.getByLabel("Code of the ticket").fill(code);
    await page.getByRole("button", { name: "Check" }).click();
  };
  await check(good.code);
  await verdict(page, "green").waitFor();
  await assertAccessible(page, "green");
  await check(good.code);
  await verdict(page, "red").getByText("Used already at").waitFor();
  await assertAccessible(page, "red");
  await check(elsewhere.code);
  await verdict(page, "red").getByText("For another performance").waitFor();
  await check("nonsense");
  await verdict(page, "red").getByText("Not a ticket of ours").waitFor();
  await close();
});

test("without a network scans are kept, said to be unchecked, and sent once it is back", async () => {
  const night = await makeConcert(server, { title: "No network" });
  const other = await makeConcert(server, { title: "Elsewhere" });
  const [first, second, used] = [await ticket(night, "fan16@demo.frontrow"), await ticket(night, "fan17@demo.frontrow"), await ticket(night, "fan19@demo.frontrow")];
  const elsewhere = await ticket(other, "fan16@demo.frontrow");
  await (await client(server, GATE))("POST", "/gate/scan", { code: used.code });
  const { page, context, excuse, close } = await open(browser, server, { email: GATE });
  excuse(/ERR_INTERNET_DISCONNECTED/);
  await openDoor(page, "No network");
  await page.evaluate(() => navigator.serviceWorker.ready);
  await until("the door and its keys are kept", () => page.evaluate(async () => Boolean(await caches.match("/gate")) && localStorage.getItem("frontrow.gate.keys") !== null));
  await context.setOffline(true);
  const sent = [];
  await page.route("**/gate/scan", (route) => {
    sent.push({ key: route.request().headers()["idempotency-key"], ...route.request().postDataJSON() });
    return route.continue();
  });
  const check = async (code) => {
    await page.getByLabel("Code of the ticket").fill(code);
    await page.getByRole("button", { name: "Check" }).click();
  };
  for (const { code, seat } of [first, second, used]) {
    await check(code);
    await verdict(page, "kept").getByText(`A ticket of ours for this performance, seat number ${seat}.`).waitFor();
  }
  // What is certain without asking anybody is said at once, and not sent.
  await check(second.code);
  await verdict(page, "red").getByText("Used already at").waitFor();
  await check(elsewhere.code);
  await verdict(page, "red").getByText("For another performance").waitFor();
  const forged = Buffer.from(first.code, "base64url");
  forged[25] ^= 1;
  await check(forged.toString("base64url"));
  await verdict(page, "red").getByText("Not a ticket of ours").waitFor();
  await page.getByText("3 scans are not sent yet.").waitFor();
  await assertAccessible(page, "without a network");
  // The page may even be closed: the door opens without a network, and what was kept is still there.
  await page.reload();
  await page.getByText("3 scans are not sent yet.").waitFor();
  await context.setOffline(false);
  await page.getByText("1 ticket that was let in without a network turned out to be no good.").waitFor();
  await until("nothing waits", async () => (await page.getByText("not sent yet").count()) === 0);
  for (const { code } of [first, used]) {
    const tries = sent.filter((one) => one.code === code);
    assert.ok(tries.length > 0 && new Set(tries.map(({ key, scannedAt }) => `${key} ${scannedAt}`)).size === 1, "a repeat is the same scan");
  }
  const { admitted } = await (await client(server, GATE))("GET", `/gate/schedules/${night.scheduleId}`);
  assert.equal(admitted, 3);
  await close();
});

test("the camera reads the code that a fan's page shows", async () => {
  const night = await makeConcert(server, { title: "By camera" });
  const { ticketId } = await ticket(night, "fan18@demo.frontrow");
  const token = await (await fetch(`${server.base}/api/v1/auth/login`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email: "fan18@demo.frontrow", password: "frontrow-demo" }) })).json();
  const svg = await (await fetch(`${server.base}/api/v1/tickets/${ticketId}/qr.svg`, { headers: { authorization: `Bearer ${token.accessToken}` } })).text();
  const film = join(folder, "ticket.mjpeg");
  await writeFile(film, await picture(svg));
  const cameras = await startBrowser(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-video-capture=${film}`]);
  const { page, close } = await open(cameras, server, { email: GATE, permissions: ["camera"] });
  await openDoor(page, "By camera");
  await page.getByRole("button", { name: "Open the camera" }).click();
  await verdict(page, "green").waitFor();
  await close();
  await cameras.close();
});

/** What a camera sees of a code: one picture of a film. */
async function picture(svg) {
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } });
  await page.setContent(`<body style="margin:0;background:#999;display:grid;place-items:center;height:480px"><img width="380" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}">`);
  await page.locator("img").evaluate((image) => image.decode());
  const taken = await page.screenshot({ type: "jpeg", quality: 90 });
  await page.close();
  return taken;
}
