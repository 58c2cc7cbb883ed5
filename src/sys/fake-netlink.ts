// A kernel in memory with any number of network namespaces, behind the interface of the rtnetlink door. For fast tests and for faults:
// it must agree with the real one in everything that test/contract/netlink.test.ts says.

import { FairleadError } from '../base/errors.ts';
import { macFromSeed } from '../base/mac.ts';
import { describeChange } from '../wire/netlink/describe.ts';
import { kernelError } from './errno.ts';
import { EEXIST, EINVAL, ENODEV, FakeNamespace, Refusal } from './fake-namespace.ts';
import { noFaults, type Faults } from './faults.ts';
import type {
  ForwardingEntry,
  InterfaceAddress,
  Link,
  Neighbour,
  Netlink,
  NetlinkChange,
  NetnsFd,
  Route,
  Rule,
} from './netlink-types.ts';

const EADDRNOTAVAIL = 99;
const FIRST_FD = 1000;
const LEAST_MTU = 68;
const LARGEST_MTU = 65535;

type Change<Kind extends NetlinkChange['kind']> = Extract<NetlinkChange, { readonly kind: Kind }>;
interface End {
  readonly namespace: FakeNamespace;
  readonly name: string;
}

/** The machine: namespaces, and links that may join two of them. */
export class FakeKernel {
  readonly #namespaces = new Map<number, FakeNamespace>();
  #nextFd = FIRST_FD;
  #nextIndex = 2;
  faults: Faults = noFaults;

  /** A new namespace with a loopback device; the descriptor is a name of it among fakes only. */
  addNetns(): NetnsFd {
    const fd = this.#nextFd++;
    const namespace = new FakeNamespace(fd - FIRST_FD);
    namespace.addLink({ ...plainLink('lo', 1), mtuBytes: 65536 });
    this.#namespaces.set(fd, namespace);
    return { fd };
  }

  /** Removes a namespace with all its links; the other ends of its veth pairs go too. */
  removeNetns(netns: NetnsFd): void {
    const namespace = this.namespace(netns);
    for (const name of namespace.links.keys()) this.deleteLink(namespace, name);
    this.#namespaces.delete(netns.fd);
  }

  open(netns: NetnsFd): Netlink {
    return new FakeNetlink(this, this.namespace(netns));
  }

  namespace(netns: NetnsFd): FakeNamespace {
    const namespace = this.#namespaces.get(netns.fd);
    if (namespace === undefined) throw new Refusal(EINVAL, 'no such namespace');
    return namespace;
  }

  nextIndex(): number {
    return this.#nextIndex++;
  }

  addVeth(here: FakeNamespace, change: Change<'add-veth'>): void {
    const there = change.peer.netns === undefined ? here : this.namespace(change.peer.netns);
    if (here.links.has(change.name) || there.links.has(change.peer.name)) throw new Refusal(EEXIST);
    const [index, peerIndex] = [this.nextIndex(), this.nextIndex()];
    const across = (other: FakeNamespace): number | undefined => (here === there ? undefined : other.id);
    const settings = { kind: 'veth', mtuBytes: 1500 } as const;
    here.addLink({
      ...plainLink(change.name, index),
      ...settings,
      ...fieldsOf(change),
      linkIndex: peerIndex,
      linkNetnsId: across(there),
    });
    there.addLink({
      ...plainLink(change.peer.name, peerIndex),
      ...settings,
      ...fieldsOf(change.peer),
      linkIndex: index,
      linkNetnsId: across(here),
    });
  }

  deleteLink(here: FakeNamespace, name: string): void {
    const link = here.link(name);
    const peer = this.#peerOf(link);
    here.removeLink(name);
    peer?.namespace.removeLink(peer.name);
  }

  /** Links that go with an earlier one of the group (both ends of a pair in it) are no error. */
  deleteLinkGroup(here: FakeNamespace, group: number): void {
    if (group <= 0) throw new Refusal(EINVAL);
    const names = [...here.links.values()].filter((it) => here.groups.get(it.index) === group);
    if (names.length === 0) throw new Refusal(ENODEV);
    for (const { name } of names) if (here.links.has(name)) this.deleteLink(here, name);
  }

  moveLink(from: FakeNamespace, name: string, to: FakeNamespace): void {
    const link = from.link(name);
    if (from === to) return;
    if (to.links.has(name)) throw new Refusal(EEXIST);
    const peer = this.#peerOf(link);
    from.removeLink(name);
    const isTogether = peer?.namespace === to;
    to.addLink({
      ...link,
      isUp: false,
      master: undefined,
      linkNetnsId: isTogether ? undefined : peer?.namespace.id,
    });
    peer?.namespace.updateLink(peer.name, { linkNetnsId: isTogether ? undefined : to.id });
  }

  #peerOf(link: Link): End | undefined {
    if (link.kind !== 'veth') return undefined;
    for (const namespace of this.#namespaces.values()) {
      for (const other of namespace.links.values()) {
        if (other.index === link.linkIndex && other.kind === 'veth') return { namespace, name: other.name };
      }
    }
    return undefined;
  }
}

class FakeNetlink implements Netlink {
  readonly #kernel: FakeKernel;
  readonly #here: FakeNamespace;
  #isClosed = false;

  constructor(kernel: FakeKernel, here: FakeNamespace) {
    this.#kernel = kernel;
    this.#here = here;
  }

  async apply(changes: readonly NetlinkChange[]): Promise<void> {
    this.#check('change links');
    for (const change of changes) this.#applyOne(change);
  }

  async links(): Promise<readonly Link[]> {
    return this.#list('list links', () => [...this.#here.links.values()]);
  }

  async link(name: string): Promise<Link | undefined> {
    return this.#list(`read link ${name}`, () => this.#here.links.get(name));
  }

  async linkIndex(name: string): Promise<number | undefined> {
    return this.#list(`find link ${name}`, () => this.#here.links.get(name)?.index);
  }

  async addresses(link?: string): Promise<readonly InterfaceAddress[]> {
    return this.#list('list addresses', () => this.#of(this.#here.addresses, link));
  }

  async routes(filter: { readonly table?: number; readonly link?: string } = {}): Promise<readonly Route[]> {
    return this.#list('list routes', () =>
      this.#of(this.#here.routes, filter.link).filter(
        (it) => filter.table === undefined || it.table === filter.table,
      ),
    );
  }

  async neighbours(link?: string): Promise<readonly Neighbour[]> {
    return this.#list('list neighbours', () => this.#of(this.#here.neighbours, link));
  }

  async forwardings(link: string): Promise<readonly ForwardingEntry[]> {
    return this.#list('list forwarding entries', () => this.#of(this.#here.forwardings, link));
  }

  async rules(): Promise<readonly Rule[]> {
    return this.#list('list rules', () => [...this.#here.rules.values()]);
  }

  close(): void {
    this.#isClosed = true;
  }

  #check(action: string): void {
    if (this.#isClosed) throw new FairleadError('aborted', `Cannot ${action}: the netlink door is closed`);
  }

  #list<T>(action: string, read: () => T): T {
    this.#check(action);
    this.#kernel.faults(action);
    return refusedAs(action, read);
  }

  #of<T extends { readonly link: string | undefined }>(
    table: ReadonlyMap<string, T>,
    link?: string,
  ): readonly T[] {
    if (link !== undefined) this.#here.link(link);
    return [...table.values()].filter((entry) => link === undefined || entry.link === link);
  }

  #applyOne(change: NetlinkChange): void {
    const action = describeChange(change);
    this.#kernel.faults(action);
    refusedAs(action, () => this.#perform(change));
  }

  #perform(change: NetlinkChange): void {
    const here = this.#here;
    switch (change.kind) {
      case 'add-veth':
        return this.#kernel.addVeth(here, change);
      case 'add-bridge':
      case 'add-dummy':
      case 'add-vxlan':
        return this.#addLink(change);
      case 'set-link':
        return this.#setLink(change);
      case 'delete-link':
        return this.#kernel.deleteLink(here, change.name);
      case 'delete-link-group':
        return this.#kernel.deleteLinkGroup(here, change.group);
      case 'add-address':
        return here.addAddress(change);
      case 'delete-address':
        return here.deleteAddress(change);
      case 'replace-route':
        return here.replaceRoute(change);
      case 'delete-route':
        return here.deleteRoute(change);
      case 'replace-neighbour':
        return here.replaceNeighbour(change);
      case 'delete-neighbour':
        return here.deleteNeighbour(change);
      case 'replace-forwarding':
        return here.replaceForwarding(change);
      case 'delete-forwarding':
        return here.deleteForwarding(change);
      case 'add-rule':
      case 'delete-rule':
        return here.changeRule(change);
      default:
        return change satisfies never;
    }
  }

  #addLink(change: Change<'add-bridge' | 'add-dummy' | 'add-vxlan'>): void {
    const vxlan = change.kind === 'add-vxlan' ? change.vxlan : undefined;
    const underlay = change.kind === 'add-vxlan' ? change.underlay : undefined;
    const linkIndex = underlay === undefined ? undefined : this.#here.link(underlay).index;
    const base = plainLink(change.name, this.#kernel.nextIndex());
    this.#here.addLink({
      ...base,
      kind: change.kind.slice('add-'.length),
      ...fieldsOf(change),
      vxlan,
      linkIndex,
    });
  }

  #setLink(change: Change<'set-link'>): void {
    const here = this.#here;
    here.link(change.name);
    if (change.master !== undefined && change.master !== '') here.link(change.master);
    const master =
      change.master === undefined ? {} : { master: change.master === '' ? undefined : change.master };
    const renamed = change.newName === undefined ? {} : { name: change.newName };
    const { mtuBytes, mac, alias, isUp } = change;
    if (change.group !== undefined) here.groups.set(here.link(change.name).index, change.group);
    here.updateLink(change.name, { ...fieldsOf({ mtuBytes, mac, alias, isUp }), ...master, ...renamed });
    if (change.netns !== undefined) {
      this.#kernel.moveLink(here, change.newName ?? change.name, this.#kernel.namespace(change.netns));
    }
  }
}

interface Fields {
  readonly mac?: Link['mac'] | undefined;
  readonly mtuBytes?: number | undefined;
  readonly alias?: string | undefined;
  readonly isUp?: boolean | undefined;
}

function fieldsOf(change: Fields): Partial<Link> {
  const { mac, mtuBytes, alias, isUp } = change;
  if (mtuBytes !== undefined && (mtuBytes < LEAST_MTU || mtuBytes > LARGEST_MTU)) {
    throw new Refusal(EINVAL, 'mtu out of range');
  }
  return {
    ...(mac === undefined ? {} : { mac }),
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
    ...(alias === undefined ? {} : { alias: alias === '' ? undefined : alias }),
    ...(isUp === undefined ? {} : { isUp }),
  };
}

function plainLink(name: string, index: number): Link {
  return {
    index,
    name,
    kind: undefined,
    mac: macFromSeed(`${name} ${index}`),
    mtuBytes: 1500,
    isUp: false,
    qdisc: 'noqueue',
    master: undefined,
    linkIndex: undefined,
    linkNetnsId: undefined,
    alias: undefined,
    vxlan: undefined,
  };
}

function refusedAs<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const code = error.errno === EADDRNOTAVAIL ? 'not-found' : undefined;
    throw kernelError({ action, errno: error.errno, detail: error.detail, code });
  }
}
