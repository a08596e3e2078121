// Occupy and pay: 500 fans at a time go the whole way. They join, are let in, charge their wallet, take a seat near the
// front that others want as well, pay for it, and read their ticket. A seat that somebody else has is an answer, not a
// failure; a reservation that was answered and cannot be paid is one.

import { check } from 'k6';
import exec from 'k6/execution';
import { any, Fan, think } from './lib/fan.js';
import { concert, PRICE, WIDE_ROOM } from './lib/sale.js';
import { byLength } from './lib/settings.js';

const SEATS = 20000;
// Seats that are asked for by number before a fan takes what is best.
const TRIES = 4;
// Questions for one's turn: the line lets in whoever comes, within a tick.
const QUESTIONS = 100;

export const options = {
  scenarios: {
    fans: {
      executor: 'ramping-vus',
      exec: 'book',
      startVUs: 0,
      stages: byLength(
        [{ duration: '10s', target: 500 }, { duration: '35s', target: 500 }, { duration: '5s', target: 0 }],
        [{ duration: '1m', target: 500 }, { duration: '10m', target: 500 }, { duration: '10s', target: 0 }],
      ),
      gracefulRampDown: '10s',
    },
  },
  thresholds: {
    'http_req_duration{step:hold}': ['p(90)<2000'],
    'http_req_failed{step:hold}': ['rate<0.001'],
    'http_req_duration{step:pay}': ['p(90)<2000'],
    'http_req_failed{step:pay}': ['rate<0.001'],
    checks: ['rate>0.9999'],
  },
};

export function setup() {
  return { run: Date.now(), ...concert('Booking', WIDE_ROOM, Array(byLength(2, 12)).fill(SEATS)) };
}

export function book(sale) {
  const fan = new Fan(`${sale.run}-${exec.scenario.iterationInTest}`);
  if (!fan.join(sale.concertId) || !check(fan, { 'is let in': () => fan.waitForTurn(QUESTIONS) })) return;
  if (!fan.charge(PRICE)) return;
  think(0.2, 0.8);
  const outcome = fan.holdSomething(any(sale.scheduleIds), SEATS, TRIES);
  // Sold out is an end like any other, when it comes to that.
  if (!check(outcome, { 'gets a seat or hears that it is taken': () => outcome !== 'failed' }) || outcome !== 'held') return;
  think(0.2, 0.8);
  check(fan, { 'pays what was held': () => fan.pay() });
  check(fan, { 'has a ticket': () => fan.tickets() });
}
