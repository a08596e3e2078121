// Token issue: a crowd that grows to 5,000, each of whom takes a new place in line and looks at the page for a while. It
// includes what the server does for somebody whom it sees for the first time.

import exec from 'k6/execution';
import { Fan, think } from './lib/fan.js';
import { concert, SLOW_ROOM } from './lib/sale.js';
import { byLength } from './lib/settings.js';

export const options = {
  scenarios: {
    crowd: {
      executor: 'ramping-vus',
      exec: 'joinLine',
      startVUs: 0,
      stages: byLength(
        [{ duration: '10s', target: 1000 }, { duration: '10s', target: 2500 }, { duration: '10s', target: 5000 },
          { duration: '15s', target: 5000 }, { duration: '5s', target: 0 }],
        [{ duration: '1m', target: 1000 }, { duration: '2m', target: 2500 }, { duration: '2m', target: 5000 },
          { duration: '5m', target: 5000 }, { duration: '1m', target: 0 }],
      ),
      gracefulRampDown: '5s',
    },
  },
  thresholds: {
    'http_req_duration{step:join}': ['p(95)<500'],
    'http_reqs{step:join}': ['rate>500'],
    'http_req_failed{step:join}': ['rate<0.01'],
    checks: ['rate>0.99'],
  },
};

export function setup() {
  return { run: Date.now(), ...concert('Tokens', SLOW_ROOM, [50000]) };
}

export function joinLine(sale) {
  new Fan(`${sale.run}-${exec.scenario.iterationInTest}`).join(sale.concertId);
  think(2, 4);
}
