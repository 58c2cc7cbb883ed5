// A load generator for DNS over UDP: so many questions open at a time, for so long; prints one JSON line. A process of its own, beside the server's core.
// Arguments: IP PORT SECONDS OPEN FILE (one question per line: "name type").

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { encodeMessage } from '../src/wire/dns/writer.ts';
import { parseDnsName } from '../src/wire/dns/name.ts';
import { TYPE } from '../src/wire/dns/constants.ts';

const [ip = '', port = '0', seconds = '1', open = '64', file = ''] = process.argv.slice(2);
const SOCKETS = 4;
const LOST_MS = 500;

function encode(line: string): Buffer {
  const [name = '', type = 'A'] = line.split(' ');
  const { bytes } = encodeMessage({
    id: 0,
    opcode: 0,
    rcode: 0,
    isResponse: false,
    isAuthoritative: false,
    isTruncated: false,
    isRecursionDesired: true,
    isRecursionAvailable: false,
    isAuthenticData: false,
    isCheckingDisabled: false,
    questions: [{ name: parseDnsName(name), typeCode: TYPE[type as keyof typeof TYPE], classCode: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: { udpPayloadBytes: 1232, version: 0, isDnssecOk: false, options: [] },
  });
  return Buffer.from(bytes);
}

const questions = readFileSync(file, 'utf8').trim().split('\n').map(encode);
const latenciesUs: number[] = [];
const rcodes = new Map<number, number>();
let answered = 0;
let lost = 0;
let next = 0;
const endMs = performance.now() + Number(seconds) * 1000;

function run(window: number): Promise<void> {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
  const sentMs = new Float64Array(65_536);
  let id = 0;
  const sendOne = (): void => {
    const bytes = questions[next++ % questions.length];
    if (bytes === undefined) return;
    id = (id + 1) & 0xffff;
    sentMs[id] = performance.now();
    // A copy: the octets must stay as they are until they are sent.
    const copy = Buffer.from(bytes);
    copy.writeUInt16BE(id, 0);
    socket.send(copy);
  };
  return new Promise((resolve) => {
    let waiting = window;
    socket.on('message', (bytes) => {
      const sent = sentMs[bytes.readUInt16BE(0)] ?? 0;
      if (sent === 0) return;
      sentMs[bytes.readUInt16BE(0)] = 0;
      const nowMs = performance.now();
      answered++;
      const rcode = (bytes[3] ?? 0) & 0xf;
      rcodes.set(rcode, (rcodes.get(rcode) ?? 0) + 1);
      if (answered % 16 === 0) latenciesUs.push((nowMs - sent) * 1000);
      if (nowMs < endMs) sendOne();
      else if (--waiting === 0) finish();
    });
    const timer = setInterval(() => {
      const nowMs = performance.now();
      for (let i = 0; i < sentMs.length; i++) {
        const sent = sentMs[i] ?? 0;
        if (sent === 0 || nowMs - sent < LOST_MS) continue;
        sentMs[i] = 0;
        lost++;
        if (nowMs < endMs) sendOne();
        else if (--waiting === 0) return finish();
      }
    }, LOST_MS / 2);
    const finish = (): void => {
      clearInterval(timer);
      socket.close();
      resolve();
    };
    socket.connect(Number(port), ip, () => {
      for (let i = 0; i < window; i++) sendOne();
    });
  });
}

const startMs = performance.now();
await Promise.all(Array.from({ length: SOCKETS }, () => run(Math.ceil(Number(open) / SOCKETS))));
const elapsedS = (performance.now() - startMs) / 1000;
latenciesUs.sort((a, b) => a - b);
const at = (part: number): number => Math.round(latenciesUs[Math.floor(latenciesUs.length * part)] ?? 0);
const result = {
  answersPerS: Math.round(answered / elapsedS),
  lost,
  p50Us: at(0.5),
  p99Us: at(0.99),
  rcodes: Object.fromEntries(rcodes),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
