// The process "controller" of the one-machine cluster: reads its configuration, then runs all controllers until it is told to end.

import { readFile } from 'node:fs/promises';
import pino from 'pino';
import { parseCidr } from '../../base/cidr.ts';
import { systemClock } from '../../base/clock.ts';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { ClusterCache } from '../../controllers/cluster-cache.ts';
import { runControllers as runEngine } from '../../controllers/run-controllers.ts';
import type { SubnetPlan } from '../../controllers/node-subnets.ts';
import type { GatewayPodSettings } from '../../controllers/gateway/proxy-pods.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { loadKubeConfig } from '../../kube/kube-config.ts';
import {
  ENDPOINT_SLICES,
  GATEWAYS,
  LISTENER_SETS,
  NODES,
  SECRETS,
  SERVICES,
  type ResourceRef,
} from '../../kube/resource.ts';
import type { Netlink } from '../../sys/netlink-types.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { runAnnouncer, type AnnouncerOptions } from '../announce/announcer.ts';
import { runIssuer } from '../authority/issuer.ts';
import { CertificateAuthority } from '../cluster/pki.ts';
import { HOST_PROGRAMS_ANNOTATION } from '../kubelet/program-of.ts';
import { allControllers, cachedKinds, type ControllerSettings } from './all-controllers.ts';
import type { EveryKind } from './every-kind.ts';
import { followDefinitions } from './follow-definitions.ts';

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
  /** Where Fairlead is installed: pods of Gateways run it from there. */
  readonly home: string;
  /** The folder of the authority that issues certificates of Gateways; made there at first use. */
  readonly gatewayAuthority: string;
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
  const authority = await CertificateAuthority.open(config.gatewayAuthority);
  const settings: ControllerSettings = {
    subnets: plan,
    authority: access.authorities ?? '',
    gatewayPods: gatewayPods(config.home),
  };
  const onProblem = (error: FairleadError, retryInMs: number): void =>
    log.warn({ code: error.code, retryInMs }, error.message);
  try {
    await followDefinitions({ client, clock: systemClock, onProblem }, signal, (kinds, until) =>
      runFor({ kinds, config, settings, authority, client, netlink, log }, until),
    );
  } finally {
    netlink.close();
    client.close();
  }
}

interface RunParts {
  readonly kinds: EveryKind;
  readonly config: ControllersConfig;
  readonly settings: ControllerSettings;
  readonly authority: CertificateAuthority;
  readonly client: KubeClient;
  readonly netlink: Netlink;
  readonly log: pino.Logger;
}

/** Runs all controllers over these kinds until `signal` aborts. */
async function runFor({ kinds, settings, log, ...parts }: RunParts, signal: AbortSignal): Promise<void> {
  const { client } = parts;
  const cache = new ClusterCache({
    client,
    kinds: cachedKinds(kinds),
    clock: systemClock,
    onProblem: (error, retryInMs) => log.warn({ code: error.code, retryInMs }, error.message),
  });
  const ended = new AbortController();
  const onProblem = (error: FairleadError): void => log.warn({ code: error.code }, error.message);
  const followers = startFollowers({ ...parts, cache, onProblem }, AbortSignal.any([signal, ended.signal]));
  try {
    await runEngine(
      {
        client,
        cache,
        controllers: allControllers({ ...settings, kinds }),
        clock: systemClock,
        random: Math.random,
        onProblem: (controller, error, retryInMs) =>
          log.warn({ controller, code: error.code, retryInMs }, error.message),
      },
      signal,
    );
  } finally {
    ended.abort();
    await followers;
  }
}

interface FollowerParts {
  readonly config: ControllersConfig;
  readonly authority: CertificateAuthority;
  readonly client: KubeClient;
  readonly cache: ClusterCache;
  readonly netlink: Netlink;
  readonly onProblem: (error: FairleadError) => void;
}

/** What follows the cluster without being a controller: the host's routes and the authority of Gateways. They run until `signal` aborts. */
async function startFollowers(
  { config, authority, client, cache, netlink, onProblem }: FollowerParts,
  signal: AbortSignal,
): Promise<void> {
  const follow = (resources: readonly ResourceRef[]): Omit<AnnouncerOptions, 'link' | 'netlink'> => ({
    cluster: cache,
    connected: (until) => cache.connected(until),
    subscribe: (listener) => subscribeAll(cache, resources, listener),
    clock: systemClock,
    onProblem,
  });
  await Promise.all([
    runIssuer({ ...follow([GATEWAYS, LISTENER_SETS, SECRETS]), authority, client }, signal),
    runAnnouncer(
      { ...follow([SERVICES, NODES, ENDPOINT_SLICES]), link: config.announcedOn, netlink },
      signal,
    ),
  ]);
}

/** Pods of Gateways run this machine's programs: HAProxy is one of them. */
function gatewayPods(hostFolder: string): GatewayPodSettings {
  return { image: 'fairlead', annotations: { [HOST_PROGRAMS_ANNOTATION]: 'true' }, hostFolder };
}

function subscribeAll(
  cache: ClusterCache,
  resources: readonly ResourceRef[],
  listener: () => void,
): () => void {
  const ends = resources.map((resource) => cache.subscribe(resource, listener));
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
