// Tracked flows that lead past what the Services are now are forgotten, so that their next packets are decided anew. Whatever backend
// carries Services: those whose flows the kernel does not track leave nothing to find.

import type { NodeView } from '../../model/network.ts';
import type { Part } from '../../reconcile/engine.ts';
import type { Target } from '../../reconcile/target.ts';
import { TargetReconciler } from '../../reconcile/target-reconciler.ts';
import type { Conntrack } from '../../sys/conntrack.ts';
import type { TrackedFlow } from '../../wire/netlink/conntrack.ts';
import type { ServiceInput } from './service-backend.ts';
import { isJudgedKey, isStale, type FlowView } from './stale-flow.ts';

/** Stands for all flows that a change of the frontends may have made stale. */
const SWEEP = 'sweep';

/** What is found stale: one flow, or all that there may be after a change. */
type StaleFlows = TrackedFlow | typeof SWEEP;

const NOTHING: ReadonlyMap<string, StaleFlows> = new Map();

interface StaleFlowInput extends Pick<ServiceInput, 'changedFrontends'> {
  readonly services: NodeView | undefined;
}

/**
 * Stands before the backends in the list of parts: what it finds is removed after all that they add, change and remove. Else a client that
 * goes on sending would have its flow made anew by what is about to go.
 *
 * The table is read once after a change of UDP or SCTP frontends, and at a resync; never for a packet.
 */
export function staleFlowPart<V extends StaleFlowInput>(
  conntrack: Pick<Conntrack, 'list' | 'forget'>,
): Part<V> {
  return (context) => {
    const target = new StaleFlowTarget(conntrack);
    const reconciler = new TargetReconciler<StaleFlows>(target, context);
    const want = ({ services, changedFrontends }: V, revision: number): void => {
      target.view = services;
      if (changedFrontends === undefined || [...changedFrontends].some(isJudgedKey)) {
        target.needsSweep = true;
        reconciler.doubt();
      }
      reconciler.want(services === undefined ? undefined : NOTHING, revision);
    };
    return { reconciler, want };
  };
}

class StaleFlowTarget implements Target<StaleFlows> {
  readonly name = 'stale flows';
  /** True at first: what happened before this process is not known. */
  needsSweep = true;
  view: FlowView | undefined;
  readonly #conntrack: Pick<Conntrack, 'list' | 'forget'>;

  constructor(conntrack: Pick<Conntrack, 'list' | 'forget'>) {
    this.#conntrack = conntrack;
  }

  /** After a change, what is stale shows only when the backends have done theirs: until then it is announced, not looked for. */
  async observe(): Promise<ReadonlyMap<string, StaleFlows>> {
    if (this.needsSweep) return new Map([[SWEEP, SWEEP]]);
    const flows = await this.#conntrack.list(this.#isStale);
    return new Map(flows.map((flow) => [flowKey(flow), flow]));
  }

  isEqual(desired: StaleFlows, observed: StaleFlows): boolean {
    return desired === observed;
  }

  /** No flow is ever wanted. */
  async update(): Promise<ReadonlyMap<string, unknown>> {
    return Promise.resolve(new Map());
  }

  /** Judges all flows anew: since they were found the backends have changed what new ones become. */
  async delete(): Promise<ReadonlyMap<string, unknown>> {
    // A change that comes while flows are forgotten needs a sweep of its own.
    this.needsSweep = false;
    try {
      await this.#conntrack.forget(this.#isStale);
    } catch (error) {
      this.needsSweep = true;
      throw error;
    }
    return new Map();
  }

  print(_verb: 'update' | 'delete', _key: string, entry: StaleFlows): readonly string[] {
    if (entry === SWEEP) return ['forget flows that lead to no endpoint of their frontend'];
    const { original, reply } = entry;
    return [`forget flow ${endText(original.source, original.sourcePort)} to ${endText(original.destination, original.destinationPort)} at ${endText(reply.source, reply.sourcePort)}`]; // prettier-ignore
  }

  readonly #isStale = (flow: TrackedFlow): boolean => this.view !== undefined && isStale(flow, this.view);
}

function flowKey({ protocol, id, original }: TrackedFlow): string {
  return `${protocol} ${endText(original.source, original.sourcePort)} ${endText(original.destination, original.destinationPort)} ${id}`;
}

function endText(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
