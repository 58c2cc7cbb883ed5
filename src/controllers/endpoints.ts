// The older Endpoints objects of Services, which kubectl before 1.3x describes and old clients read. One family, at most 1000 addresses.

import { isDeepStrictEqual } from 'node:util';
import { ENDPOINTS, NODES, PODS, SERVICES, type Draft } from '../kube/resource.ts';
import type { Endpoint, Endpoints, Service } from '../objects/api-types.ts';
import { createAction, deleteAction, patchAction, type Action } from './action.ts';

import { ownKey, source, type Controller, type ReconcileContext } from './controller.ts';
import { hasSelector, podsOf, servicesOfPod } from './endpoint-slices.ts';
import { addressTypesOf, endpointGroups, isHeadless, type EndpointGroup } from './endpoints-of-service.ts';

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];

/** As upstream cuts them off; slices have them all. */
const MAX_ADDRESSES = 1000;
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';
const HEADLESS = 'service.kubernetes.io/headless';

export const endpointsController: Controller = {
  name: 'endpoints-controller',
  sources: [ownKey(SERVICES), source(PODS, servicesOfPod), ownKey(ENDPOINTS)],
  reconcile: reconcileEndpoints,
  // Nothing of ours reads them, so they may come a little later than the slices.
  restMs: 500,
};

export function reconcileEndpoints(
  key: string,
  { cluster }: Pick<ReconcileContext, 'cluster'>,
): readonly Action[] {
  const service = cluster.of(SERVICES).get(key);
  const existing = cluster.of(ENDPOINTS).get(key);
  if (service === undefined) {
    // Others' objects of the name are theirs.
    const isOurs = existing?.metadata.labels?.[MANAGED_BY] === MANAGER;
    return existing !== undefined && isOurs ? [deleteAction(ENDPOINTS, existing)] : [];
  }
  if (!hasSelector(service) || service.metadata.deletionTimestamp !== undefined) return [];
  const [addressType = 'IPv4'] = addressTypesOf(service);
  const groups = endpointGroups(service, addressType, podsOf(service, cluster), cluster.of(NODES));
  return write(service, existing, groups);
}

function write(
  service: Service,
  existing: Endpoints | undefined,
  groups: readonly EndpointGroup[],
): readonly Action[] {
  const subsets = bounded(groups.map(subsetOf));
  const isCut = groups.reduce((total, { endpoints }) => total + endpoints.length, 0) > MAX_ADDRESSES;
  const labels = labelsOf(service);
  const { namespace, name } = service.metadata;
  const annotations = { [OVER_CAPACITY]: isCut ? 'truncated' : null };
  if (existing === undefined) {
    const object: Draft<Endpoints> = {
      metadata: {
        ...(namespace === undefined ? {} : { namespace }),
        name,
        labels,
        ...(isCut ? { annotations: { [OVER_CAPACITY]: 'truncated' } } : {}),
      },
      subsets,
    };
    return [createAction(ENDPOINTS, object)];
  }
  const isSame =
    isDeepStrictEqual(existing.subsets ?? [], subsets) &&
    Object.entries(labels).every(([label, value]) => existing.metadata.labels?.[label] === value);
  return isSame ? [] : [patchAction(ENDPOINTS, existing, { metadata: { labels, annotations }, subsets })];
}

/** Terminating pods have no place in this form. */
function subsetOf({ ports, endpoints }: EndpointGroup): Subset {
  const lasting = endpoints.filter(({ conditions }) => conditions?.terminating !== true);
  const ready = lasting.filter(({ conditions }) => conditions?.ready === true).map(addressOf);
  const notReady = lasting.filter(({ conditions }) => conditions?.ready !== true).map(addressOf);
  return {
    ...(ready.length === 0 ? {} : { addresses: ready }),
    ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
    ...(ports.length === 0
      ? {}
      : {
          ports: ports.map(({ name = '', port = 0, protocol = 'TCP' }) => ({
            ...(name === '' ? {} : { name }),
            port,
            protocol,
          })),
        }),
  };
}

function addressOf({ addresses, hostname, nodeName, targetRef }: Endpoint): Address {
  return {
    ip: addresses[0] ?? '',
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

/** Ready addresses first; subsets without any are left out. */
function bounded(subsets: readonly Subset[]): readonly Subset[] {
  let left = MAX_ADDRESSES;
  const take = (addresses: readonly Address[] | undefined): readonly Address[] => {
    const taken = (addresses ?? []).slice(0, left);
    left -= taken.length;
    return taken;
  };
  return subsets
    .map(({ addresses, notReadyAddresses, ...rest }) => {
      const [ready, notReady] = [take(addresses), take(notReadyAddresses)];
      return {
        ...(ready.length === 0 ? {} : { addresses: ready }),
        ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
        ...rest,
      };
    })
    .filter((subset) => subset.addresses !== undefined || subset.notReadyAddresses !== undefined);
}

function labelsOf(service: Service): Record<string, string> {
  const { [HEADLESS]: _, ...own } = service.metadata.labels ?? {};
  return { ...own, ...(isHeadless(service) ? { [HEADLESS]: '' } : {}), [MANAGED_BY]: MANAGER };
}
