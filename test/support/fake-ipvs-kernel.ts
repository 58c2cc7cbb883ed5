// All that the IPVS backend reaches the kernel through, in memory: with its device, and its table without elements.

import { elementTable } from '../../src/backends/service-ipvs/element-table.ts';
import { IPVS_DEVICE, type IpvsKernel } from '../../src/backends/service-ipvs/kernel.ts';
import { kernelError } from '../../src/sys/errno.ts';
import { FakeKernel } from '../../src/sys/fake-netlink.ts';
import { FakeIpvs, NO_IPVS_HOOKS, type IpvsHooks } from './fake-ipvs.ts';
import { FakeNfTables } from './fake-nf-tables.ts';

const ENOBUFS = 105;

export interface FakeIpvsKernel {
  readonly kernel: IpvsKernel;
  readonly ipvs: FakeIpvs;
  readonly tables: FakeNfTables;
  /** As it is now, whatever happens to it; without hooks. */
  readonly copy: () => IpvsKernel;
}

/** `hooks` are asked and told of IPVS, the table and the device alike. */
export async function aFakeIpvsKernel(hooks: IpvsHooks = NO_IPVS_HOOKS): Promise<FakeIpvsKernel> {
  const links = new FakeKernel();
  const netns = links.addNetns();
  const netlink = links.open(netns);
  await netlink.apply([{ kind: 'add-dummy', name: IPVS_DEVICE, isUp: true }]);
  const device = await netlink.link(IPVS_DEVICE);
  links.faults = (action) => {
    const what = /^(list|read)/.test(action) ? 'list' : 'change';
    if (hooks.isRefused(what)) throw kernelError({ action, errno: ENOBUFS });
  };
  const ipvs = new FakeIpvs(hooks);
  const tables = tablesOf(hooks);
  const copy = (): IpvsKernel => {
    const addresses = [...links.namespace(netns).addresses.values()];
    const still: IpvsKernel['netlink'] = {
      link: () => Promise.resolve(device),
      addresses: () => Promise.resolve(addresses),
      apply: () => Promise.reject(new Error('a copy is only looked at')),
    };
    return { netns: undefined, ipvs: ipvs.copy(), netlink: still, table: elementTable(tables.copy(), {}) };
  };
  const apply: IpvsKernel['netlink']['apply'] = async (changes) => {
    await netlink.apply(changes);
    hooks.afterChange();
  };
  const doors = { link: netlink.link.bind(netlink), addresses: netlink.addresses.bind(netlink), apply };
  const kernel = { netns: undefined, ipvs, netlink: doors, table: elementTable(tables, {}) };
  return { kernel, ipvs, tables, copy };
}

function tablesOf(hooks: IpvsHooks): FakeNfTables {
  const tables = new FakeNfTables(hooks);
  tables.chains = ['keep'];
  const apply = tables.apply.bind(tables);
  tables.apply = (changes, generation) => {
    const refused = apply(changes, generation);
    hooks.afterChange();
    return refused;
  };
  return tables;
}
