// node heap-of.ts PID: what a Node process holds after a full garbage collection, asked through its inspector, which is closed
// again. Runs in the process's own network namespace, because the inspector listens on the loopback address there.

import { setTimeout as pause } from 'node:timers/promises';

const INSPECTOR = 'http://127.0.0.1:9229/json/list';
const TRIES = 200;
const PAUSE_MS = 50;
/** The collector needs a second pass for what finalizers let go. */
const COLLECTIONS = 3;

type Send = (method: string, params?: object) => Promise<Record<string, unknown>>;

/** The inspector starts in its own time after the signal. */
async function inspectorUrl(): Promise<string> {
  for (let i = 0; i < TRIES; i++) {
    try {
      const [target] = (await (await fetch(INSPECTOR)).json()) as { webSocketDebuggerUrl: string }[];
      if (target !== undefined) return target.webSocketDebuggerUrl;
    } catch {
      await pause(PAUSE_MS);
    }
  }
  throw new Error('the inspector did not come up');
}

async function connect(url: string): Promise<Send> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (result: Record<string, unknown>) => void>();
  let lastId = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: Record<string, unknown> };
    if (id !== undefined) waiting.get(id)?.(result ?? {});
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('the inspector refused')));
  });
  return (method, params = {}) =>
    new Promise((resolve) => {
      waiting.set((lastId += 1), resolve);
      socket.send(JSON.stringify({ id: lastId, method, params }));
    });
}

async function evaluate(send: Send, expression: string): Promise<unknown> {
  const { result } = (await send('Runtime.evaluate', { expression, returnByValue: true })) as {
    result?: { value?: unknown };
  };
  return result?.value;
}

const pid = Number(process.argv[2]);
process.kill(pid, 'SIGUSR1');
const send = await connect(await inspectorUrl());
if ((await evaluate(send, 'process.pid')) !== pid)
  throw new Error(`port 9229 belongs to another process than ${pid}`);
for (let i = 0; i < COLLECTIONS; i++) await send('HeapProfiler.collectGarbage');
const memory = await evaluate(send, 'process.memoryUsage()');
process.stdout.write(JSON.stringify(memory));
void evaluate(send, "process.getBuiltinModule('node:inspector').close()");
await pause(PAUSE_MS);
process.exit(0);
