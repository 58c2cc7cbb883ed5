// Connection tracking of a namespace: flows are listed and forgotten, so that a flow whose endpoint has gone is decided anew.

import { FairleadError } from '../base/errors.ts';
import type { Family } from '../base/ip.ts';
import {
  decodeFlow,
  decodeFlowCount,
  encodeChangeMark,
  encodeCountFlows,
  encodeDeleteFlow,
  encodeListFlows,
  type MarkChange,
  type TrackedFlow,
} from '../wire/netlink/conntrack.ts';
import { errnoOf, kernelError } from './errno.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import { inNetns, type Netns } from './netns.ts';

const ENOENT = 2;
/** Changes in a row before other work gets its turn: about a millisecond. */
const CHANGES_PER_TURN = 128;
const FAMILIES: readonly Family[] = [4, 6];

/** True for the flows that are meant; called for each one in the table, so it must be quick. */
export type FlowFilter = (flow: TrackedFlow) => boolean;

/** As `FlowFilter`, with what is to become of the flow's mark. */
export type FlowChange = (flow: TrackedFlow) => MarkChange | undefined;

export interface Conntrack {
  /** The flows of both families that `filter` takes. */
  list(filter: FlowFilter): Promise<readonly TrackedFlow[]>;
  /** Forgets the flows that `filter` takes; how many that were. One that ended meanwhile is no error. */
  forget(filter: FlowFilter): Promise<number>;
  /**
   * Changes bits of the marks of flows: `changeOf` says of each one how, undefined for not at all. One that ended meanwhile is no error. The kernel goes
   * through its whole table for each family.
   */
  changeMarks(changeOf: FlowChange, families?: readonly Family[]): Promise<void>;
  close(): void;
}

/** Opens the door in a namespace (default: the process' own); `close()` it. */
export function openConntrack(netns?: Netns | string): Conntrack {
  return new KernelConntrack(inNamespace(netns, () => new NetlinkSocket(NETLINK_NETFILTER)));
}

/**
 * How many flows the namespace (default: the process' own) tracks. For any such question the kernel loads its connection tracking where that is
 * a module; undefined where it has none.
 */
export function countFlows(netns?: Netns | string): number | undefined {
  const socket = inNamespace(netns, () => new NetlinkSocket(NETLINK_NETFILTER));
  try {
    return socket.get('count tracked flows', encodeCountFlows(), decodeFlowCount);
  } catch (error) {
    // What nfnetlink says of a subsystem that nobody serves.
    if (errnoOf(error) === 'EINVAL') return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

function inNamespace<T>(netns: Netns | string | undefined, open: () => T): T {
  return netns === undefined ? open() : inNetns(netns, open);
}

class KernelConntrack implements Conntrack {
  readonly #socket: NetlinkSocket;
  #isClosed = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  list(filter: FlowFilter): Promise<readonly TrackedFlow[]> {
    return this.#inTurn(() => this.#list(filter));
  }

  forget(filter: FlowFilter): Promise<number> {
    return this.#inTurn(async () => {
      let count = 0;
      for (const [i, flow] of (await this.#list(filter)).entries()) {
        if (this.#forgetOne(flow)) count++;
        if (i % CHANGES_PER_TURN === CHANGES_PER_TURN - 1)
          await new Promise((resolve) => setImmediate(resolve));
      }
      return count;
    });
  }

  changeMarks(changeOf: FlowChange, families = FAMILIES): Promise<void> {
    return this.#inTurn(async () => {
      const changes = new Map<TrackedFlow, MarkChange>();
      await this.#list((flow) => {
        const change = changeOf(flow);
        if (change !== undefined) changes.set(flow, change);
        return false;
      }, families);
      for (const [i, [flow, change]] of [...changes].entries()) {
        this.#changeMark(flow, change);
        if (i % CHANGES_PER_TURN === CHANGES_PER_TURN - 1)
          await new Promise((resolve) => setImmediate(resolve));
      }
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void this.#tail.then(() => this.#socket.close());
  }

  async #list(filter: FlowFilter, families = FAMILIES): Promise<readonly TrackedFlow[]> {
    const lists = [];
    for (const family of families) {
      const decode: typeof decodeFlow = (message) => {
        const flow = decodeFlow(message);
        return flow !== undefined && filter(flow) ? flow : undefined;
      };
      lists.push(await this.#socket.dump('list tracked flows', encodeListFlows(family), decode));
    }
    return lists.flat();
  }

  #forgetOne(flow: TrackedFlow): boolean {
    const { errno, text } = this.#socket.request(encodeDeleteFlow(flow));
    if (errno === 0) return true;
    if (errno === ENOENT) return false;
    const { original } = flow;
    const action = `forget flow ${original.source} to ${original.destination}`;
    throw kernelError({ action, errno, detail: text });
  }

  #changeMark(flow: TrackedFlow, change: MarkChange): void {
    const { errno, text } = this.#socket.request(encodeChangeMark(flow, change));
    if (errno === 0 || errno === ENOENT) return;
    const action = `change the mark of the flow ${flow.original.source} to ${flow.original.destination}`;
    throw kernelError({ action, errno, detail: text });
  }

  /** One exchange at a time on the socket. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) {
      return Promise.reject(
        new FairleadError('aborted', 'Cannot use connection tracking: the door is closed'),
      );
    }
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
