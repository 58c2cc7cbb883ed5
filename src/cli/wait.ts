// `fairlead wait --for=programmed service/NAME`: returns when every node's kernel carries a Service as it is now.

import { SERVICES } from '../kube/resource.ts';
import { untilServiceProgrammed } from '../lab/cluster/programmed.ts';
import { withCluster } from './cluster-client.ts';
import { printForMachine } from './output.ts';
import { readServiceName } from './service.ts';

interface WaitFlags {
  readonly name: string;
  readonly namespace: string;
  readonly for: 'programmed';
  readonly timeout: number;
  readonly output?: string;
  readonly quiet?: boolean;
}

export async function waitCommand(text: string, flags: WaitFlags): Promise<void> {
  const service = readServiceName(text, flags.namespace);
  const startedMs = performance.now();
  const nodes = await withCluster(flags, 'wait for', async ({ client, wait, progress }) => {
    await client.get(SERVICES, service, { signal: wait.signal });
    progress.step(`wait for service/${service.name}`);
    await untilServiceProgrammed(client, service, wait);
    return wait.cluster.nodes.map((it) => it.name);
  });
  const waitedMs = Math.round(performance.now() - startedMs);
  if (printForMachine({ ...service, programmedOn: nodes, waitedMs }, flags.output)) return;
  process.stdout.write(
    `service/${service.name} of namespace ${service.namespace} is programmed on ${nodes.join(', ')}.\n`,
  );
}
