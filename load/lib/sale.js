// What the operator prepares, before anybody is let loose on it.

import { sleep } from 'k6';
import { ask } from './api.js';
import { SERVERS } from './settings.js';
import { token } from './tokens.js';

// What a seat costs, in won, and what a fan puts into the wallet for it.
export const PRICE = 50000;

// A room that stands in nobody's way: every request is gated, and the line is never what is measured.
export const WIDE_ROOM = { enabled: true, maxActive: 1000000, admitPerSecond: 100000, sessionSeconds: 86400 };
// A room whose line moves while nearly everybody waits.
export const SLOW_ROOM = { enabled: true, maxActive: 1000000, admitPerSecond: 10, sessionSeconds: 86400 };
export const NO_ROOM = { enabled: false };

// How long servers may take to hear of a new concert, in tenths of a second.
const PATIENCE = 300;

function made(answer, what) {
  if (!answer.done) {
    throw new Error(`the operator could not ${what}: ${answer.status} ${answer.code}; does the server take tokens of this issuer?`);
  }
  return answer.body;
}

// A concert that is on sale now. `schedules` is the number of seats of each; `holdSeconds` is short where lapses matter.
export function concert(title, waitingRoom, schedules, { holdSeconds = 300 } = {}) {
  const bearer = token('load-operator', 'operator');
  const body = { title, artist: 'The Generators', description: 'Made by a load scenario.', waitingRoom };
  const { concertId } = made(
    ask('POST /api/v1/admin/concerts', 'prepare', { bearer, body, expect: [201] }), 'make a concert');
  const scheduleIds = schedules.map((seats) => made(
    ask('POST /api/v1/admin/concerts/{concertId}/schedules', 'prepare', {
      bearer,
      path: { concertId },
      body: {
        venue: 'Load Hall',
        startsAt: '2099-01-01T10:00:00Z',
        durationMinutes: 120,
        bookingStart: '2020-01-01T00:00:00Z',
        bookingEnd: '2098-01-01T00:00:00Z',
        holdSeconds,
        refundPolicy: [{ untilHoursBefore: 1, percent: 100 }],
        seatPlan: { plain: { seats, price: PRICE } },
      },
      expect: [201],
    }), 'make a schedule').scheduleId);
  waitUntilKnown(concertId, waitingRoom.enabled);
  return { concertId, scheduleIds, seats: schedules };
}

// Every server has heard of it, and its line is open where it has one.
function waitUntilKnown(concertId, hasRoom) {
  for (let server = 0; server < SERVERS.length; server += 1) {
    let tries = 0;
    while (!isKnown(server, concertId, hasRoom)) {
      tries += 1;
      if (tries === PATIENCE) {
        throw new Error(`${SERVERS[server]} does not sell concert ${concertId} after ${PATIENCE / 10} s`);
      }
      sleep(0.1);
    }
  }
}

function isKnown(server, concertId, hasRoom) {
  const refusals = { 404: ['not_found'] };
  const answer = ask('GET /api/v1/concerts/{concertId}/queue', 'prepare', { server, path: { concertId }, expect: [200], refusals });
  return answer.done && (!hasRoom || answer.body.state === 'open');
}
