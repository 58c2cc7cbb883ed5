// A server that only appends what it is sent, and answers when that is on the disk: what HTTPS alone costs. Arguments: port, certificate, key, file, octets of an answer.

import { open } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { BatchedAppends } from './batched-appends.ts';

const [port = '0', cert = '', key = '', file = '', bytes = '0'] = process.argv.slice(2);
const handle = await open(file, 'a');
const record = Buffer.alloc(Number(bytes), 'x');
const log = new BatchedAppends(handle, record);

https
  .createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    request.resume();
    request.on('end', () => {
      void log.append().then(() => {
        response.writeHead(201, { 'content-type': 'application/json', 'content-length': record.length });
        response.end(record);
      });
    });
  })
  .listen(Number(port), '127.0.0.1', () => process.stdout.write('serving\n'));
