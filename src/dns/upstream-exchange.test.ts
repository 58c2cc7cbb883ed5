// One exchange over real sockets of the loopback: forged and foreign datagrams, refusals, silence, both transports and families.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { aMessage, anAddress, anUpstreamQuestion } from '../../test/support/dns-messages.ts';
import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import type { DnsMessage } from '../wire/dns/message.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { encodeMessage } from '../wire/dns/writer.ts';
import { frameMessage } from './message-framer.ts';
import type { ExchangeOptions, ExchangeResult } from './exchange.ts';
import { plainExchange } from './upstream-exchange.ts';
import { upstreamQuery } from './upstream-query.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const it of open.splice(0)) it.close();
});

const ID = 4242;
const QUERY = upstreamQuery(anUpstreamQuestion(), { id: ID, udpPayloadBytes: 1232 });
const GOOD = aMessage({ id: ID, answers: [anAddress('example.org', 60, '192.0.2.1')] });

function bytesOf(message: DnsMessage): Buffer {
  return Buffer.from(encodeMessage(message).bytes);
}

async function anUpstream(answer: (socket: Socket, port: number, bytes: Buffer) => void, ip = '127.0.0.1') {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
  open.push(socket);
  socket.on('message', (bytes, from) => answer(socket, from.port, bytes));
  await new Promise<void>((resolve) => socket.bind(0, ip, resolve));
  return { ip: parseIp(ip), port: parsePort(socket.address().port), tls: undefined };
}

function ask(upstream: Awaited<ReturnType<typeof anUpstream>>, options: Partial<ExchangeOptions> = {}) {
  const signal = new AbortController().signal;
  return plainExchange(upstream, QUERY, { transport: 'udp', timeoutMs: 300, signal, ...options });
}

function address(result: ExchangeResult): unknown {
  const data = result.kind === 'reply' ? result.message.answers[0]?.data : undefined;
  return data?.kind === 'a' ? data.ip : result.kind;
}

for (const ip of ['127.0.0.1', '::1']) {
  test(`an answer by UDP from ${ip}`, async () => {
    const upstream = await anUpstream((socket, port) => socket.send(bytesOf(GOOD), port, ip), ip);
    assert.equal(address(await ask(upstream)), '192.0.2.1');
  });
}

test('forged datagrams are passed over, and the real answer behind them is taken', async () => {
  const bad = [anAddress('example.org', 60, '192.0.2.66')];
  const other = { name: parseDnsName('example.com'), typeCode: 1, classCode: 1 };
  const asked = GOOD.questions[0];
  assert.ok(asked);
  const forged: readonly Buffer[] = [
    bytesOf({ ...GOOD, id: ID + 1, answers: bad }),
    bytesOf({ ...GOOD, isResponse: false, answers: bad }),
    bytesOf({ ...GOOD, questions: [other], answers: bad }),
    bytesOf({ ...GOOD, questions: [{ ...asked, typeCode: 28 }], answers: bad }),
    bytesOf({ ...GOOD, questions: [asked, other], answers: bad }),
    bytesOf({ ...GOOD, questions: [], answers: bad }),
    bytesOf(GOOD).subarray(0, 30),
    Buffer.from('junk'),
  ];
  const upstream = await anUpstream((socket, port) => {
    for (const bytes of [...forged, bytesOf(GOOD)]) socket.send(bytes, port, '127.0.0.1');
  });
  assert.equal(address(await ask(upstream)), '192.0.2.1');
});

test('a datagram from another port never counts', async () => {
  const upstream = await anUpstream((_socket, port) => {
    const stranger = createSocket('udp4');
    stranger.send(bytesOf(GOOD), port, '127.0.0.1', () => stranger.close());
  });
  assert.equal((await ask(upstream)).kind, 'timeout');
});

test('the case of the question may come back changed', async () => {
  const shouted = GOOD.questions.map((it) => ({ ...it, name: parseDnsName('EXAMPLE.org') }));
  const bytes = bytesOf({ ...GOOD, questions: shouted });
  const upstream = await anUpstream((socket, port) => socket.send(bytes, port, '127.0.0.1'));
  assert.equal(address(await ask(upstream)), '192.0.2.1');
});

test('each question leaves from a port of its own', async () => {
  const ports = new Set<number>();
  const upstream = await anUpstream((socket, port) => {
    ports.add(port);
    socket.send(bytesOf(GOOD), port, '127.0.0.1');
  });
  for (let i = 0; i < 10; i++) await ask(upstream);
  assert.ok(ports.size >= 8, `${ports.size} ports`);
});

test('a closed port fails at once, by UDP and by TCP', async () => {
  const upstream = await anUpstream(() => undefined);
  for (const it of open.splice(0)) it.close();
  const startMs = performance.now();
  assert.equal((await ask(upstream, { timeoutMs: 5000 })).kind, 'unreachable');
  assert.equal((await ask(upstream, { timeoutMs: 5000, transport: 'tcp' })).kind, 'unreachable');
  assert.ok(performance.now() - startMs < 2000);
});

test('an upstream to which the kernel knows no way, or lets nobody go, is told at once', async () => {
  // Broadcasts are refused to sockets that have not asked for them, on a machine without any route as well.
  const upstream = { tls: undefined, ip: parseIp('255.255.255.255'), port: parsePort(53) };
  const result = await ask(upstream, { timeoutMs: 60_000 });
  assert.ok(result.kind === 'unreachable');
  assert.match(result.because, /^connect E/);
});

test('an abort ends the wait', async () => {
  const upstream = await anUpstream(() => undefined);
  const end = new AbortController();
  const asked = ask(upstream, { timeoutMs: 60_000, signal: end.signal });
  end.abort();
  assert.equal((await asked).kind, 'unreachable');
});

test('an answer by TCP in pieces; a connection that ends without one', async () => {
  const framed = frameMessage(bytesOf(GOOD));
  let answers = true;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (!answers) return socket.end(framed.subarray(0, 10));
    socket.write(framed.subarray(0, 5));
    return setTimeout(() => socket.write(framed.subarray(5)), 10);
  });
  open.push({ close: () => server.close() });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const upstream = { tls: undefined, ip: parseIp('127.0.0.1'), port: parsePort(port) };
  assert.equal(address(await ask(upstream, { transport: 'tcp' })), '192.0.2.1');
  answers = false;
  assert.equal((await ask(upstream, { transport: 'tcp' })).kind, 'unreachable');
});
