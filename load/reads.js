// Popular reads: the list of concerts, a concert, its schedules, maps and what changed on them, rankings. Meanwhile seats
// are sold, so that nothing stays as it was cached.

import exec from 'k6/execution';
import { any, Fan } from './lib/fan.js';
import { readSomething, STEPS } from './lib/reads.js';
import { concert, NO_ROOM, PRICE } from './lib/sale.js';
import { byLength } from './lib/settings.js';

const LENGTH = byLength('45s', '10m');
// Concerts that are on the list besides; 50 seats are the classic of this kind of test.
const OTHERS = 20;
const SMALL = 50;
const BIG = 20000;

export const options = {
  scenarios: {
    readers: {
      executor: 'constant-arrival-rate', exec: 'look', rate: 1000, duration: LENGTH, preAllocatedVUs: 200, maxVUs: 1000,
    },
    buyers: {
      executor: 'constant-arrival-rate', exec: 'buy', rate: 20, duration: LENGTH, preAllocatedVUs: 50, maxVUs: 200,
    },
  },
  thresholds: {
    ...Object.fromEntries(STEPS.map((step) => [`http_req_duration{step:${step}}`, ['p(99)<=500']])),
    'http_req_failed{scenario:readers}': ['rate<0.001'],
    'http_reqs{scenario:readers}': ['rate>=980'],
    checks: ['rate>0.9999'],
  },
};

export function setup() {
  const small = Array.from({ length: OTHERS }, (_, number) => concert(`Reads ${number}`, NO_ROOM, [SMALL]));
  return { run: Date.now(), small, big: concert('Reads, the big one', NO_ROOM, Array(byLength(1, 2)).fill(BIG)) };
}

// The full map is asked for of small halls: of big ones a page takes the drawing and the states.
export function look({ small }) {
  const { concertId, scheduleIds } = any(small);
  readSomething({ concertId, scheduleId: scheduleIds[0] });
}

// Half of what is sold is in the small halls, until they are sold out and on the ranking.
export function buy({ run, small, big }) {
  const fan = new Fan(`${run}-${exec.scenario.iterationInTest}`);
  const { scheduleIds } = Math.random() < 0.5 ? any(small) : big;
  if (fan.charge(PRICE) && fan.hold(any(scheduleIds), { bestAvailable: { quantity: 1 } }) === 'held') {
    fan.pay();
  }
}
