import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { hasCode, isNotFound } from '../base/errors.ts';
import { anonymousNetns, type Netns } from './netns.ts';
import { readSysctl, writeSysctl, writeSysctls } from './sysctl.ts';

let netns: Netns;
before(() => {
  netns = anonymousNetns();
});
after(() => netns.close());

it('settings are those of the namespace', () => {
  const before = readSysctl(undefined, 'net/ipv4/ip_default_ttl');
  writeSysctl(netns, 'net/ipv4/ip_default_ttl', 77);
  assert.equal(readSysctl(netns, 'net/ipv4/ip_default_ttl'), '77');
  assert.equal(readSysctl(undefined, 'net/ipv4/ip_default_ttl'), before);
  writeSysctls(netns, { 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 });
  assert.equal(readSysctl(netns, 'net/ipv6/conf/all/forwarding'), '1');
  assert.throws(() => readSysctl(netns, 'net/ipv4/nothing'), isNotFound);
  assert.throws(() => writeSysctl(netns, 'net/ipv4/nothing', 1), isNotFound);
  assert.throws(
    () => writeSysctl(netns, 'net/ipv4/ip_forward', 'x'),
    (error) => hasCode(error, 'kernel') && error.details['errno'] === 'EINVAL',
  );
  assert.throws(
    () => readSysctl(netns, 'net/../../self/environ'),
    (error) => hasCode(error, 'invalid'),
  );
});
