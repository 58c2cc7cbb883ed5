// Loaded before each test file: one whose tests are done ends, also where a test that failed left something open which would keep its process alive for ever.

import { after } from 'node:test';
import { scaledMs } from './time-scale.ts';

/** For the hooks that end what the file itself began: clusters among it. */
const GRACE_MS = scaledMs(30_000);

after(() => {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`Its tests are done, but it does not end: ${open} are open\n`);
    process.exit(1);
  }, GRACE_MS).unref();
});
