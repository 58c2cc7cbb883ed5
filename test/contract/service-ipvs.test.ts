// The Service contract of the IPVS backend. The build machine's kernel may have no IPVS: test/vm runs it on one that has.

import { test } from 'node:test';
import { hasIpvs, ipvsBackend } from './service-backends.ts';
import { runServiceContract } from './service-contract.ts';

const REMEMBERED = {
  reason:
    'IPVS keeps a client’s place while it remembers any of its connections: closed ones for two minutes, datagrams for five',
  tests: ['affinity ends with its time'],
};

const ONE_ENDPOINT = {
  reason:
    'IPVS changes no client’s port: of one socket’s datagrams to one endpoint by two Services it cannot tell the answers',
  tests: [
    'one socket speaks to two Services of one endpoint',
    'one socket from outside speaks to two Services of one endpoint',
  ],
};

const OWN_FRAGMENTS = {
  reason:
    'to a process of the node the address is one of loopback, with its MTU: what it sends above the real path’s MTU is not in fragments, and IPVS drops it',
  tests: ['fragments of a datagram stay together, both ways'],
};

if (hasIpvs())
  runServiceContract({
    name: 'service-ipvs',
    makeBackend: ipvsBackend(),
    skip: [REMEMBERED, ONE_ENDPOINT, OWN_FRAGMENTS],
  });
else test('service contract: service-ipvs', { skip: 'this kernel has no IPVS' }, () => undefined);
