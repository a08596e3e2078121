// The soak: the mix of mixed.js at a rate that leaves the machine some air, for half an hour. Besides the marks, look at
// what load/run says of the server's memory from minute to minute.

import { oneRequest, optionsOf, prepare } from './lib/mixed.js';
import { byLength } from './lib/settings.js';

export const options = optionsOf({ rate: 400, duration: byLength('50s', '30m'), preAllocatedVUs: 100 });

export function setup() {
  return prepare(byLength(1, 6));
}

export { oneRequest as ask };
