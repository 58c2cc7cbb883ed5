// Objects -> the view of one node, again and again: computes anew what a change can concern. What it gives depends on the objects
// alone; `viewOfNode(compileCluster(objects))` is the same, whole, and a property test holds them equal.

import type { Port } from '../base/port.ts';
import type {
  ClusterNetwork,
  HealthCheck,
  NetworkNode,
  NetworkPod,
  NodeView,
  ServiceModel,
} from '../model/network.ts';
import { clusterNetworkOf, mapValues, networkNodeOf, networkPodOf } from './cluster.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { FrontendTable } from './frontend-table.ts';
import { frontendPlaceOf, type FrontendPlace } from './frontend-place.ts';
import { frontendsOfPod, frontendsOfService } from './frontends.ts';
import { compileService } from './service-model.ts';
import type { ObjectChanges, ServiceInputs } from './service-inputs.ts';
import { healthChecksOf, peersOfNode, podsOfNode } from './view.ts';

export interface CompiledNode {
  /** Undefined while the cluster does not know the node. Its `frontends` are the compiler's own: they are right until the next `compile`. */
  readonly view: NodeView | undefined;
  /** Keys of frontends that are others than in the view before, undefined for any. */
  readonly changedFrontends: ReadonlySet<string> | undefined;
}

/** What changed: the objects' keys, and the Services that they concern (`ServiceInputs.update`). Undefined stands for anything. */
export interface NodeChanges {
  readonly objects: ObjectChanges;
  readonly services: ReadonlySet<string>;
}

/** The part of a view that Nodes and Pods decide; the same object while they do not change. */
interface Surroundings {
  readonly node: NetworkNode;
  readonly peers: readonly NetworkNode[];
  readonly pods: readonly NetworkPod[];
}

export class NodeCompiler {
  readonly #settings: ClusterNetwork;
  readonly #nodeName: string;
  #cluster: ClusterNetwork;
  #surroundings: Surroundings | undefined;
  #place: FrontendPlace | undefined;
  #table = new FrontendTable();
  #healthServices = new Map<string, ServiceModel>();
  #healthChecks: ReadonlyMap<Port, HealthCheck> = new Map();

  constructor(settings: ClusterNetwork, nodeName: string) {
    this.#settings = settings;
    this.#cluster = settings;
    this.#nodeName = nodeName;
  }

  /** `inputs` has taken in the same change already. */
  compile(objects: ClusterObjects, inputs: ServiceInputs, changes: NodeChanges | undefined): CompiledNode {
    const before = { cluster: this.#cluster, surroundings: this.#surroundings };
    this.#cluster = keepEqual(this.#cluster, clusterNetworkOf(objects, this.#settings));
    const podsBefore = before.surroundings?.pods ?? [];
    this.#look(objects, changes);
    const surroundings = this.#surroundings;
    if (surroundings === undefined) return this.#forget();
    const isElsewhere = surroundings !== before.surroundings || this.#cluster !== before.cluster;
    const place = this.#place === undefined || isElsewhere ? this.#placeIn(surroundings) : this.#place;
    const isWhole = changes === undefined || place !== this.#place;
    this.#place = place;
    const changed = new Set<string>();
    if (isWhole) this.#claimAll(objects, inputs, changed);
    else for (const key of changes.services) this.#claimService(key, objects, inputs, changed);
    if (isWhole || surroundings.pods !== podsBefore) this.#claimPods(podsBefore, surroundings.pods, changed);
    const view = {
      ...surroundings,
      frontends: this.#table.frontends,
      healthChecks: this.#healthChecks,
      cluster: this.#cluster,
    };
    return { view, changedFrontends: isWhole ? undefined : changed };
  }

  /** Asks all peers, so it is for a change of what it depends on. */
  #placeIn({ node, peers }: Surroundings): FrontendPlace {
    return keepEqual(this.#place, frontendPlaceOf(node, this.#cluster, peers));
  }

  /** Nothing may be concluded for a node that the cluster does not know: the next view is made whole. */
  #forget(): CompiledNode {
    this.#place = undefined;
    this.#table = new FrontendTable();
    this.#healthServices = new Map();
    this.#healthChecks = new Map();
    return { view: undefined, changedFrontends: undefined };
  }

  #look({ nodes, pods }: ClusterObjects, changes: NodeChanges | undefined): void {
    const { nodes: changedNodes, pods: changedPods } = changes?.objects ?? {};
    if (changedNodes?.size === 0 && changedPods?.size === 0) return;
    const known = mapValues(nodes, networkNodeOf);
    const node = known.get(this.#nodeName);
    this.#surroundings = node && {
      node,
      peers: peersOfNode(known.values(), this.#nodeName),
      pods:
        changedPods?.size === 0 && this.#surroundings !== undefined
          ? this.#surroundings.pods
          : podsOfNode(mapValues(pods, networkPodOf).values(), this.#nodeName),
    };
  }

  #claimAll(objects: ClusterObjects, inputs: ServiceInputs, changed: Set<string>): void {
    this.#table = new FrontendTable();
    this.#healthServices = new Map();
    for (const key of objects.services.keys()) this.#claimService(key, objects, inputs, changed);
    this.#healthChecks = healthChecksOf(this.#healthServices.values(), this.#nodeName);
  }

  #claimService(key: string, objects: ClusterObjects, inputs: ServiceInputs, changed: Set<string>): void {
    if (this.#place === undefined) return;
    const service = objects.services.get(key);
    const model = service === undefined ? undefined : compileService(service, inputs.slicesOf(key));
    this.#table.claim(
      `service ${key}`,
      model === undefined ? [] : frontendsOfService(model, this.#place),
      changed,
    );
    const isChecked = model?.healthCheckNodePort !== undefined;
    if (!isChecked && !this.#healthServices.has(key)) return;
    if (isChecked) this.#healthServices.set(key, model);
    else this.#healthServices.delete(key);
    this.#healthChecks = healthChecksOf(this.#healthServices.values(), this.#nodeName);
  }

  #claimPods(before: readonly NetworkPod[], after: readonly NetworkPod[], changed: Set<string>): void {
    const place = this.#place;
    if (place === undefined) return;
    const gone = new Set(before.map(ownerOf));
    for (const pod of after) {
      gone.delete(ownerOf(pod));
      this.#table.claim(ownerOf(pod), frontendsOfPod(pod, place), changed);
    }
    for (const owner of gone) this.#table.claim(owner, [], changed);
  }
}

function ownerOf({ namespace, name }: NetworkPod): string {
  return `pod ${namespace}/${name}`;
}

/** The known value where the new one says the same, so that what hangs on it is not made anew. */
function keepEqual<T extends object, U extends T | undefined>(known: U, made: T): T {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(made) ? known : made;
}
