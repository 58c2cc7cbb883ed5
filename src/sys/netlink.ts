// The rtnetlink door on the real kernel: changes and lists by link names, over one socket in one namespace.

import { FairleadError } from '../base/errors.ts';
import { decodeAddress, encodeGetAddresses } from '../wire/netlink/address.ts';
import { encodeChange } from '../wire/netlink/change.ts';
import { describeChange } from '../wire/netlink/describe.ts';
import { decodeLink, encodeGetLinks } from '../wire/netlink/link.ts';
import {
  decodeForwarding,
  decodeNeighbour,
  encodeGetForwardings,
  encodeGetNeighbours,
} from '../wire/netlink/neighbour.ts';
import { decodeRoute, encodeGetRoutes } from '../wire/netlink/route.ts';
import { decodeRule, encodeGetRules } from '../wire/netlink/rule.ts';
import { errnoOf, kernelError } from './errno.ts';
import { NetlinkSocket, type Answer } from './netlink-socket.ts';
import type {
  ForwardingEntry,
  InterfaceAddress,
  Link,
  Neighbour,
  Netlink,
  NetlinkChange,
  Route,
  Rule,
} from './netlink-types.ts';
import { inNetns, type Netns } from './netns.ts';

const ENODEV = 19;
const EADDRNOTAVAIL = 99;

/** Opens the door in a namespace (default: the process' own); `close()` it. The namespace lives as long as it is open. */
export function openNetlink(netns?: Netns | string): Netlink {
  const open = (): NetlinkSocket => new NetlinkSocket();
  return new KernelNetlink(netns === undefined ? open() : inNetns(netns, open));
}

/** Changes in which the kernel waits for all processors (synchronize_net) with the caller's thread stopped: 12 ms and more. */
function isSlow(change: NetlinkChange): boolean {
  if (change.kind === 'delete-link' || change.kind === 'delete-link-group') return true;
  if (change.kind !== 'set-link') return false;
  return change.isUp === false || change.netns !== undefined || change.master === '';
}

/** Removing what has gone meanwhile has several numbers in the kernel; the caller gets one code. */
function codeFor(change: NetlinkChange, errno: number): 'not-found' | undefined {
  return change.kind === 'delete-address' && errno === EADDRNOTAVAIL ? 'not-found' : undefined;
}

class KernelNetlink implements Netlink {
  readonly #socket: NetlinkSocket;
  /** Calls that wait or run; each starts when the one before has ended, at once where there is none. */
  #pending = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  apply(changes: readonly NetlinkChange[]): Promise<void> {
    return this.#inTurn('change links', async () => {
      for (const change of changes) {
        for (const message of encodeChange(change, (link) => this.#indexFor(describeChange(change), link))) {
          // Awaiting only where it must be keeps a pod's whole plumbing in one turn of the event loop.
          const answer = isSlow(change)
            ? await this.#socket.requestSlow(message)
            : this.#socket.request(message);
          if (answer.errno !== 0) throw refusal(change, answer);
        }
      }
    });
  }

  links(): Promise<readonly Link[]> {
    return this.#inTurn('list links', async () => {
      const nameOf = this.#names();
      return this.#socket.dump('list links', encodeGetLinks(), (message) => decodeLink(message, nameOf));
    });
  }

  link(name: string): Promise<Link | undefined> {
    const nameOf = this.#names();
    return this.#inTurn(`read link ${name}`, async () =>
      this.#socket.get(`read link ${name}`, encodeGetLinks(name), (message) => decodeLink(message, nameOf)),
    );
  }

  linkIndex(name: string): Promise<number | undefined> {
    return this.#inTurn(`find link ${name}`, () => Promise.resolve(this.#socket.indexOf(name)));
  }

  addresses(link?: string): Promise<readonly InterfaceAddress[]> {
    return this.#list('list addresses', link, (index) => {
      const nameOf = this.#names();
      return this.#socket.dump('list addresses', encodeGetAddresses(index), (message) =>
        decodeAddress(message, nameOf),
      );
    });
  }

  routes(filter: { readonly table?: number; readonly link?: string } = {}): Promise<readonly Route[]> {
    return this.#list('list routes', filter.link, async (index) => {
      const nameOf = this.#names();
      const families = [4, 6] as const;
      const lists = [];
      for (const family of families) {
        const request = encodeGetRoutes(family, { table: filter.table, index });
        const dump = this.#socket.dump('list routes', request, (message) => decodeRoute(message, nameOf));
        lists.push(await dump.catch(emptyWhereNoTable));
      }
      return lists.flat();
    });
  }

  neighbours(link?: string): Promise<readonly Neighbour[]> {
    return this.#list('list neighbours', link, (index) => {
      const nameOf = this.#names();
      return this.#socket.dump('list neighbours', encodeGetNeighbours(index), (message) =>
        decodeNeighbour(message, nameOf),
      );
    });
  }

  forwardings(link: string): Promise<readonly ForwardingEntry[]> {
    return this.#list('list forwarding entries', link, async (index) =>
      index === undefined
        ? []
        : this.#socket.dump('list forwarding entries', encodeGetForwardings(index), (message) =>
            decodeForwarding(message, index, link),
          ),
    );
  }

  rules(): Promise<readonly Rule[]> {
    return this.#inTurn('list rules', () => this.#socket.dump('list rules', encodeGetRules(), decodeRule));
  }

  /** Ends after the calls that were made before; later ones are refused. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#pending === 0) this.#socket.close();
    else void this.#tail.then(() => this.#socket.close());
  }

  async #list<T>(
    action: string,
    link: string | undefined,
    list: (index: number | undefined) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const full = link === undefined ? action : `${action} of ${link}`;
    return this.#inTurn(full, () => list(link === undefined ? undefined : this.#indexFor(full, link)));
  }

  #indexFor(action: string, link: string): number {
    const index = this.#socket.indexOf(link);
    if (index === undefined) throw kernelError({ action, errno: ENODEV, detail: `link "${link}"` });
    return index;
  }

  /** Names by index, each asked for once: valid for one list, since links may be renamed. */
  #names(): (index: number) => string | undefined {
    const names = new Map<number, string | undefined>();
    return (index) => {
      if (!names.has(index)) names.set(index, this.#socket.nameOf(index));
      return names.get(index);
    };
  }

  #inTurn<T>(action: string, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) {
      return Promise.reject(new FairleadError('aborted', `Cannot ${action}: the netlink door is closed`));
    }
    const result = this.#pending === 0 ? work() : this.#tail.then(work);
    this.#pending++;
    const settle = (): void => void this.#pending--;
    this.#tail = result.then(settle, settle);
    return result;
  }
}

function refusal(change: NetlinkChange, answer: Answer): FairleadError {
  const { errno, text: detail } = answer;
  return kernelError({ action: describeChange(change), errno, detail, code: codeFor(change, errno) });
}

/** With strict checking the kernel refuses to list a table that was never used (inet_dump_fib: ENOENT); it is as good as empty. */
function emptyWhereNoTable(error: unknown): readonly never[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}
