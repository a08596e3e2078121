// The soak: the mix of mixed.js at a rate that leaves the machine some air, for half an hour. Besides the marks, look at
// what load/run says of the server's memory from minute to minute.

import { oneRequest, prepare } from './lib/mixed.js';
import { byLength } from './lib/settings.js';

const RATE = 400;

export const options = {
  scenarios: {
    everybody: {
      executor: 'constant-arrival-rate',
      exec: 'ask',
      rate: RATE,
      duration: byLength('50s', '30m'),
      preAllocatedVUs: 100,
      maxVUs: 2000,
    },
  },
  thresholds: {
    'http_reqs{scenario:everybody}': [`rate>=${RATE * 0.99}`],
    'http_req_duration{scenario:everybody}': ['p(95)<500', 'p(99)<1000'],
    'http_req_failed{scenario:everybody}': ['rate<0.001'],
    checks: ['rate>0.9999'],
  },
};

export function setup() {
  return prepare(byLength(1, 6));
}

export { oneRequest as ask };
