// The time zones of performances. A reservation does not say its zone, and a date in another one may be the wrong day.

import { get } from "./api.js";

/** @type {Map<number, Promise<Map<number, string>>>} */
const concerts = new Map();

/** The zone of a schedule; undefined where that cannot be known any more. @param {number} concertId @param {number} scheduleId */
async function zoneOf(concertId, scheduleId) {
  let known = concerts.get(concertId);
  if (!known) {
    known = get(`/concerts/${concertId}`, { anonymous: true }).then(
      (concert) => new Map(concert.schedules.map((/** @type {any} */ one) => [one.scheduleId, one.timeZone])),
      () => new Map(),
    );
    concerts.set(concertId, known);
  }
  return (await known).get(scheduleId);
}

/** A page of reservations, each with the zone of its performance. @param {any} page */
export async function withZones(page) {
  await Promise.all(page.items.map(async (/** @type {any} */ one) => {
    one.zone = await zoneOf(one.concertId, one.scheduleId);
  }));
  return page;
}
