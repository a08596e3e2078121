// Position polling: 2,000 fans in a line that moves, each of whom asks every second for their place, more often than the
// server tells them to.

import exec from 'k6/execution';
import { Fan, think } from './lib/fan.js';
import { concert, SLOW_ROOM } from './lib/sale.js';
import { byLength } from './lib/settings.js';

export const options = {
  scenarios: {
    line: {
      executor: 'ramping-vus',
      exec: 'askForPlace',
      startVUs: 0,
      stages: byLength(
        [{ duration: '10s', target: 2000 }, { duration: '40s', target: 2000 }],
        [{ duration: '1m', target: 2000 }, { duration: '10m', target: 2000 }],
      ),
      gracefulRampDown: '5s',
    },
  },
  thresholds: {
    'http_req_duration{step:status}': ['p(99)<500'],
    'http_reqs{step:status}': ['rate>1000'],
    'http_req_failed{step:status}': ['rate<0.005'],
    checks: ['rate>0.995'],
  },
};

export function setup() {
  return { run: Date.now(), ...concert('Places', SLOW_ROOM, [50000]) };
}

// The fan that a virtual user is, all along.
let fan = null;

export function askForPlace(sale) {
  if (fan === null) {
    fan = new Fan(`${sale.run}-${exec.vu.idInTest}`);
  }
  if (fan.pass === null) {
    fan.join(sale.concertId);
  } else {
    fan.status();
  }
  think(0.8, 1.2);
}
