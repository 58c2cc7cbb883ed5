// The agent as a program of its own, for tests that kill it: argument is the configuration file.

import { runAgent } from '../../src/agent/main.ts';

const end = new AbortController();
process.on('SIGTERM', () => end.abort());
await runAgent(process.argv[2] ?? '', end.signal);
