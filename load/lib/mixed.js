// A sale as a whole, one request an iteration: mixed.js and soak.js ask for it at a rate and for a time of their own, by the
// same marks.

import { check } from 'k6';
import exec from 'k6/execution';
import { any, Fan } from './fan.js';
import { readSomething } from './reads.js';
import { concert, NO_ROOM, PRICE, WIDE_ROOM } from './sale.js';

const SEATS = 20000;
// Of a hundred requests so many are reads by anybody, and so many ask for a place in line; the others are steps of a fan.
const READS = 50;
const QUESTIONS = 25;
// Of a hundred holds so many are given back, and so many left to lapse; the others are paid. Of a hundred paid seats so
// many are given back for their money: otherwise a long run would need millions of seats.
const GIVEN_BACK = 10;
const LEFT = 10;
const REFUNDED = 50;
// Holds that are left lapse within the shortest run.
const HOLD_SECONDS = 30;

// What k6 is told: so many requests a second for so long, and the marks of a sale that keeps up with them.
export function optionsOf({ rate, duration, preAllocatedVUs }) {
  return {
    scenarios: {
      everybody: { executor: 'constant-arrival-rate', exec: 'ask', rate, duration, preAllocatedVUs, maxVUs: 2000 },
    },
    thresholds: {
      // A hundredth is left to the start and the end of the run.
      'http_reqs{scenario:everybody}': [`rate>=${rate * 0.99}`],
      'http_req_duration{scenario:everybody}': ['p(95)<500', 'p(99)<1000'],
      'http_req_failed{scenario:everybody}': ['rate<0.001'],
      checks: ['rate>0.9999'],
    },
  };
}

export function prepare(schedules) {
  const reading = concert('Mixed, to look at', NO_ROOM, [50]);
  return {
    run: Date.now(),
    reading: { concertId: reading.concertId, scheduleId: reading.scheduleIds[0] },
    sale: concert('Mixed', WIDE_ROOM, Array(schedules).fill(SEATS), { holdSeconds: HOLD_SECONDS }),
  };
}

// The fan that a virtual user is at present, and what that fan does next.
let fan = null;
let next = null;

export function oneRequest({ run, reading, sale }) {
  const roll = Math.random() * 100;
  if (roll < READS) {
    readSomething(reading);
  } else if (fan === null) {
    fan = new Fan(`${run}-${exec.vu.idInTest}-${exec.vu.iterationInScenario}`);
    if (fan.join(sale.concertId)) next = charge;
    else fan = null;
  } else if (roll < READS + QUESTIONS || fan.state !== 'active') {
    // With the tag of what the page shows: who was let in meanwhile hears of it.
    fan.status();
  } else {
    next({ reading, sale });
  }
}

// Begins with somebody else.
function leave() {
  fan = null;
  next = null;
}

function charge() {
  if (fan.charge(PRICE)) next = hold;
}

function hold({ sale }) {
  const choice = Math.random() < 0.5 ? { bestAvailable: { quantity: 1 } } : { seats: [1 + Math.floor(Math.random() * SEATS)] };
  const outcome = fan.hold(any(sale.scheduleIds), choice);
  check(outcome, { 'gets a seat or hears that it is taken': () => outcome !== 'failed' });
  if (outcome !== 'held') return;
  const roll = Math.random() * 100;
  if (roll < LEFT) leave();
  else next = roll < LEFT + GIVEN_BACK ? giveBack : pay;
}

function giveBack() {
  fan.cancel();
  leave();
}

// Where the generator cannot keep up, a virtual user may be called again when the hold is about to lapse: then it is left.
function pay({ reading }) {
  if (fan.heldFor() > HOLD_SECONDS / 2) {
    readSomething(reading);
    leave();
    return;
  }
  check(fan, { 'pays what was held': () => fan.pay() });
  next = read;
}

function read() {
  check(fan, { 'has a ticket': () => fan.tickets() });
  if (Math.random() * 100 < REFUNDED) next = giveBack;
  else leave();
}
