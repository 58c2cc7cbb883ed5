// A server that only appends what it is sent, and answers when that is on the disk: what HTTPS alone costs. Arguments: port, certificate, key, file, octets of an answer.

import { open } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import https from 'node:https';

const [port = '0', cert = '', key = '', file = '', bytes = '0'] = process.argv.slice(2);
const handle = await open(file, 'a');
const record = Buffer.alloc(Number(bytes), 'x');
let waiting: (() => void)[] = [];
let isRunning = false;

async function write(): Promise<void> {
  if (isRunning) return;
  isRunning = true;
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    await handle.write(Buffer.concat(batch.map(() => record)));
    await handle.datasync();
    for (const done of batch) done();
  }
  isRunning = false;
}

https
  .createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    request.resume();
    request.on('end', () => {
      waiting.push(() => {
        response.writeHead(201, { 'content-type': 'application/json', 'content-length': record.length });
        response.end(record);
      });
      setImmediate(() => void write());
    });
  })
  .listen(Number(port), '127.0.0.1', () => process.stdout.write('serving\n'));
