// The DNS process as a program of its own, for tests that kill it: argument is the configuration file.

import { runDns } from '../../src/dns/main.ts';

const end = new AbortController();
process.on('SIGTERM', () => end.abort());
await runDns(process.argv[2] ?? '', end.signal);
