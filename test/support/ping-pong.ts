// Runs inside a pod (a program of its own, types stripped, any Node from 20): holds one TCP connection and one UDP socket to a Service and counts what comes back.
// Arguments: host, TCP port, UDP port, seconds. Prints one JSON line with what was sent, what came back, and new connections by name.

import dgram from 'node:dgram';
import { lookup } from 'node:dns/promises';
import net from 'node:net';

const [host = '', tcpPort = '', udpPort = '', seconds = ''] = process.argv.slice(-4);
const PAUSE_MS = 20;
const result = { udpSent: 0, udpBack: 0, newSent: 0, newGood: 0, held: true, problems: [] as string[] };

const { address, family } = await lookup(host);
const held = net.connect(Number(tcpPort), address);
await new Promise((resolve, reject) => held.once('connect', resolve).once('error', reject));
held.on('close', () => (result.held = false));
held.on('error', (error) => result.problems.push(`held: ${error.message}`));

const udp = dgram.createSocket(family === 6 ? 'udp6' : 'udp4');
await new Promise<void>((resolve) => udp.connect(Number(udpPort), address, resolve));
udp.on('message', () => (result.udpBack += 1));
udp.on('error', (error) => result.problems.push(`udp: ${error.message}`));

/** A request over a new connection, its name looked up anew. */
async function requestByName(): Promise<void> {
  result.newSent += 1;
  try {
    const answer = await fetch(`http://${host}:${tcpPort}/hostname`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(3000),
    });
    if (answer.ok) result.newGood += 1;
    else result.problems.push(`new: status ${answer.status}`);
  } catch (error) {
    result.problems.push(
      `new: ${error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error)}`,
    );
  }
}

const endMs = performance.now() + Number(seconds) * 1000;
const requests: Promise<void>[] = [];
while (performance.now() < endMs) {
  udp.send('echo x');
  result.udpSent += 1;
  if (result.udpSent % 10 === 0) requests.push(requestByName());
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
await Promise.all(requests);
await new Promise((resolve) => setTimeout(resolve, 500));
// The held connection must still carry a request, not only look open.
held.write('GET /hostname HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
const alive = await new Promise((resolve) => {
  held.once('data', () => resolve(true)).once('close', () => resolve(false));
  setTimeout(() => resolve(false), 2000);
});
process.stdout.write(
  `${JSON.stringify({ ...result, heldAnswers: alive, problems: result.problems.slice(0, 5) })}\n`,
);
process.exit(0);
