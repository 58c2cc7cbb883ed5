// `/agnhost COMMAND ...` as a process inside of a pod: what `kubectl exec` into an agnhost stand-in runs. The same programs as
// the workload process serves, with the sockets, names and files of the process itself.

import os from 'node:os';
import { Lifetime } from '../../base/lifetime.ts';
import { bindUdp, listenTcp, openTcp } from '../../sys/socket.ts';
import { HttpFace } from './http-face.ts';
import { PodNet } from './pod-net.ts';
import { resolveForPod } from './pod-resolver.ts';
import type { PodSockets } from './pod-sockets.ts';
import { startProgram } from './programs/registry.ts';
import type { WorkloadSpec } from './workload-spec.ts';

const ownSockets: PodSockets = {
  bindUdp: (_netns, at) => bindUdp(undefined, at),
  listenTcp: (_netns, at) => listenTcp(undefined, at),
  openTcp: (_netns, family) => openTcp(undefined, family),
};

function ownSpec(command: string, args: readonly string[]): WorkloadSpec {
  const hostname = os.hostname();
  const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']));
  return {
    podUid: '',
    container: '',
    attempt: 0,
    netns: '',
    facts: { namespace: '', pod: hostname, hostname, node: '', container: '', image: 'agnhost', ips: [] },
    program: { kind: 'agnhost', command, args },
    ports: [],
    env,
    mounts: [{ source: '/', target: '/' }],
    resolvConf: '/etc/resolv.conf',
    hosts: '/etc/hosts',
    log: '',
  };
}

const [command = 'pause', ...args] = process.argv.slice(2);
const spec = ownSpec(command, args);
const lifetime = new Lifetime(`agnhost ${command}`);
const net: PodNet = new PodNet({
  netns: '',
  sockets: ownSockets,
  lifetime,
  resolve: (name) => resolveForPod(spec, name, net),
});
// An idle process would end: pause must not.
const idle = setInterval(() => undefined, 2 ** 31 - 1);
try {
  await startProgram(
    {
      spec,
      net,
      http: new HttpFace(),
      signal: lifetime.signal,
      log: (text, stream = 'stdout') => void process[stream].write(`${text}\n`),
      exit: (code) => {
        clearInterval(idle);
        process.exitCode = code;
        void lifetime.close();
      },
    },
    spec.program,
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
