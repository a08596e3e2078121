// A spike: a quiet evening, then within two seconds the crowd of an opening, then quiet again. Arrivals do not wait for
// answers: whoever comes, comes. Afterwards everything has to be as quick as before.

import exec from 'k6/execution';
import { any, Fan } from './lib/fan.js';
import { readSomething } from './lib/reads.js';
import { concert, NO_ROOM, PRICE, WIDE_ROOM } from './lib/sale.js';
import { byLength } from './lib/settings.js';

const SEATS = 20000;
// Arrivals a second, of three or four requests each.
const QUIET = 50;
const PEAK = byLength(500, 1000);
// How long each part takes, in seconds.
const [BEFORE, UP, HIGH, DOWN, AFTER] = byLength([10, 2, 10, 3, 20], [60, 2, 60, 10, 120]);

function arrivals(startTime, startRate, stages) {
  return {
    executor: 'ramping-arrival-rate', exec: 'arrive', startTime: `${startTime}s`, startRate, stages,
    preAllocatedVUs: 1000, maxVUs: 5000, gracefulStop: '5s',
  };
}

export const options = {
  scenarios: {
    before: arrivals(0, QUIET, [{ duration: `${BEFORE}s`, target: QUIET }]),
    spike: arrivals(BEFORE, QUIET, [
      { duration: `${UP}s`, target: PEAK }, { duration: `${HIGH}s`, target: PEAK }, { duration: `${DOWN}s`, target: QUIET },
    ]),
    after: arrivals(BEFORE + UP + HIGH + DOWN, QUIET, [{ duration: `${AFTER}s`, target: QUIET }]),
  },
  thresholds: {
    'http_req_duration{scenario:before}': ['p(95)<500'],
    'http_req_duration{scenario:spike}': ['p(95)<2000'],
    'http_req_duration{scenario:after}': ['p(95)<500'],
    'http_req_failed{scenario:spike}': ['rate<0.01'],
    'http_req_failed{scenario:after}': ['rate<0.001'],
    // Otherwise the generator has not sent what the scenario promises.
    dropped_iterations: ['count<100'],
    checks: ['rate>0.99'],
  },
};

export function setup() {
  const reading = concert('Spike, to look at', NO_ROOM, [50]);
  return {
    run: Date.now(),
    reading: { concertId: reading.concertId, scheduleId: reading.scheduleIds[0] },
    sale: concert('Spike', WIDE_ROOM, Array(byLength(1, 6)).fill(SEATS)),
  };
}

// Everybody looks, joins and asks; a third wants a seat at once, and pays for it.
export function arrive({ run, reading, sale }) {
  const fan = new Fan(`${run}-${exec.scenario.name}-${exec.scenario.iterationInTest}`);
  readSomething(reading);
  if (!fan.join(sale.concertId)) return;
  fan.status();
  if (Math.random() < 1 / 3 && fan.waitForTurn(100) && fan.charge(PRICE)) {
    if (fan.holdSomething(any(sale.scheduleIds), SEATS, 3) === 'held') fan.pay();
  }
}
