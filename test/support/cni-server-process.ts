// A CNI server as a process of its own, started inside of the node's namespace; for crash tests and benchmarks.
// argv: one JSON object. Prints "ready" when it serves; SIGTERM ends it in order.

import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { bootIdentity, openNodeDoor, openPodDoor } from '../../src/cni/kernel-doors.ts';
import { startCniServer } from '../../src/cni/server.ts';

/** What the process is told. */
export interface CniServerProcessConfig {
  readonly socketPath: string;
  readonly leasesFile: string;
  readonly podCidrs: readonly string[];
  readonly nodeIps: readonly string[];
  readonly restMs?: number;
  readonly leastRestMs?: number;
  readonly reconcileEveryMs?: number;
}

async function main(config: CniServerProcessConfig): Promise<void> {
  const lifetime = new Lifetime('CNI server process');
  const node = lifetime.own('node door', openNodeDoor(), (it) => it.close());
  const podCidrs = config.podCidrs.map(parseCidr);
  const nodeIps = config.nodeIps.map(parseIp);
  const { restMs, leastRestMs, reconcileEveryMs } = config;
  await startCniServer(
    {
      socketPath: config.socketPath,
      leasesFile: config.leasesFile,
      boot: bootIdentity(node),
      node,
      openPod: openPodDoor,
      datapath: { attach: () => Promise.resolve(), detach: () => Promise.resolve() },
      waitForPolicy: () => Promise.resolve(),
      network: () => ({ podCidrs, mtuBytes: 1450, nodeIps }),
      ...(restMs === undefined ? {} : { restMs }),
      ...(leastRestMs === undefined ? {} : { leastRestMs }),
      ...(reconcileEveryMs === undefined ? {} : { reconcileEveryMs }),
      log: (event) => {
        if (event.kind === 'trouble') process.stderr.write(`${event.what}\n`);
        else if (process.env['CNI_TIMES'] !== undefined) {
          process.stderr.write(`${event.outcome.request?.kind} ${event.durationMs.toFixed(2)} ms\n`);
        }
      },
    },
    lifetime,
  );
  process.once('SIGTERM', () => void lifetime.close());
  process.stdout.write('ready\n');
}

// The caller wrote this text from a CniServerProcessConfig.
await main(JSON.parse(process.argv[2] ?? '{}') as CniServerProcessConfig);
