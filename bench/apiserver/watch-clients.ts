// Watchers in a process of their own, as watchers are: their work is not the server's, and not of who measures. Every event carries the time at which it was
// asked for (nanoseconds of the machine's monotonic clock) as `"bench":"..."`. Prints "watching", and at the end of its input the milliseconds of all events.
// Arguments: port, path, token, how many.

import { once } from 'node:events';
import tls from 'node:tls';

const [port = '0', path = '', token = '', count = '0'] = process.argv.slice(2);
const times: number[] = [];

/** Without a client library: what it does for each event would be measured, a hundred times. */
async function watch(): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  socket.write(`GET ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${token}\r\n\r\n`);
  await once(socket, 'data');
  socket.on('data', (chunk: Buffer) => {
    const now = process.hrtime.bigint();
    for (const [, asked = '0'] of chunk.toString('latin1').matchAll(/"bench":"(\d+)"/g))
      times.push(Number(now - BigInt(asked)) / 1e6);
  });
  return socket;
}

const sockets: tls.TLSSocket[] = [];
for (let i = 0; i < Number(count); i++) sockets.push(await watch());
process.stdout.write('watching\n');
process.stdin.resume();
await once(process.stdin, 'end');
for (const socket of sockets) socket.destroy();
process.stdout.write(`${JSON.stringify(times)}\n`);
