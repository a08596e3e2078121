// 860 requests a second of everything at once: half of them reads, a quarter questions for a place in line, the rest joins,
// charges, holds, payments, tickets, holds given back or left to lapse, refunds.

import { oneRequest, prepare } from './lib/mixed.js';
import { byLength } from './lib/settings.js';

const RATE = 860;

export const options = {
  scenarios: {
    everybody: {
      executor: 'constant-arrival-rate',
      exec: 'ask',
      rate: RATE,
      duration: byLength('50s', '10m'),
      preAllocatedVUs: 200,
      maxVUs: 2000,
    },
  },
  thresholds: {
    // A hundredth is left to the start and the end of the run.
    'http_reqs{scenario:everybody}': [`rate>=${RATE * 0.99}`],
    'http_req_duration{scenario:everybody}': ['p(95)<500', 'p(99)<1000'],
    'http_req_failed{scenario:everybody}': ['rate<0.001'],
    checks: ['rate>0.9999'],
  },
};

export function setup() {
  return prepare(byLength(1, 4));
}

export { oneRequest as ask };
