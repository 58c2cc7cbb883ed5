// The process "controller" of the one-machine cluster: reads its configuration, then runs all controllers until it is told to end.

import { readFile } from 'node:fs/promises';
import pino from 'pino';
import { parseCidr } from '../../base/cidr.ts';
import { systemClock } from '../../base/clock.ts';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { ClusterCache } from '../../controllers/cluster-cache.ts';
import { runControllers as runEngine } from '../../controllers/run-controllers.ts';
import type { SubnetPlan } from '../../controllers/node-subnets.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { loadKubeConfig } from '../../kube/kube-config.ts';
import { ENDPOINT_SLICES, NODES, SERVICES } from '../../kube/resource.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { runAnnouncer } from '../announce/announcer.ts';
import { allControllers, cachedKinds } from './all-controllers.ts';

/** The configuration file, in JSON. */
export interface ControllersConfig {
  /** Path of the kubeconfig. */
  readonly kubeconfig: string;
  /** The cluster's pod prefixes, at most one per family, the primary family first. */
  readonly podCidrs: readonly string[];
  readonly nodePrefixLengths: { readonly 4: number; readonly 6: number };
  readonly clusterDomain: string;
  /** The host's end of the cluster's link, by which load balancers' addresses are reached. */
  readonly announcedOn: string;
}

/** Runs the controllers until `signal` aborts; an API server that is away is waited for. Throws `invalid` for a bad configuration. */
export async function runControllers(configFile: string, signal: AbortSignal): Promise<void> {
  const config = await readConfig(configFile);
  const log = pino({ name: 'controller' });
  const access = await loadKubeConfig(config.kubeconfig);
  const client = new KubeClient(access);
  const plan: SubnetPlan = {
    podCidrs: config.podCidrs.map(parseCidr),
    nodePrefixLengths: config.nodePrefixLengths,
  };
  const netlink = openNetlink();
  const cache = new ClusterCache({
    client,
    kinds: cachedKinds(),
    clock: systemClock,
    onProblem: (error, retryInMs) => log.warn({ code: error.code, retryInMs }, error.message),
  });
  const ended = new AbortController();
  const announcing = runAnnouncer(
    {
      link: config.announcedOn,
      netlink,
      cluster: cache,
      connected: (until) => cache.connected(until),
      subscribe: (listener) => subscribeAll(cache, listener),
      clock: systemClock,
      onProblem: (error) => log.warn({ code: error.code }, error.message),
    },
    AbortSignal.any([signal, ended.signal]),
  );
  try {
    await runEngine(
      {
        client,
        cache,
        controllers: allControllers({ subnets: plan, authority: access.authorities ?? '' }),
        clock: systemClock,
        random: Math.random,
        onProblem: (controller, error, retryInMs) =>
          log.warn({ controller, code: error.code, retryInMs }, error.message),
      },
      signal,
    );
  } finally {
    ended.abort();
    await announcing;
    netlink.close();
    client.close();
  }
}

function subscribeAll(cache: ClusterCache, listener: () => void): () => void {
  const ends = [SERVICES, NODES, ENDPOINT_SLICES].map((resource) => cache.subscribe(resource, listener));
  return () => {
    for (const end of ends) end();
  };
}

async function readConfig(file: string): Promise<ControllersConfig> {
  try {
    // Written by the supervisor of the same version; what is wrong in it shows at its first use.
    return JSON.parse(await readFile(file, 'utf8')) as ControllersConfig;
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read configuration ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
