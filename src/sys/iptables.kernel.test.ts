import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { iptablesConflict, iptablesUse, IPTABLES_FLAVOURS } from './iptables-flavour.ts';
import { listIptablesChain, restoreIptables, saveIptables } from './iptables.ts';
import { anonymousNetns, type Netns } from './netns.ts';

let netns: Netns;
before(() => {
  netns = anonymousNetns();
});
after(() => netns.close());

for (const flavour of IPTABLES_FLAVOURS)
  for (const family of [4, 6] as const)
    it(`iptables-${flavour}, IPv${family}: a script leaves others alone, and names the line that fails`, async () => {
      const place = { netns, flavour, family };
      await restoreIptables('*filter\n:T-OTHER - [0:0]\n-A T-OTHER -j RETURN\nCOMMIT\n', place);
      await restoreIptables('*filter\n:T-OURS - [0:0]\n-A T-OURS -j ACCEPT\nCOMMIT\n', place);
      const broken = '*filter\n:T-OURS - [0:0]\n-A T-OURS -j T-NOWHERE\nCOMMIT\n';
      await assert.rejects(
        restoreIptables(broken, place),
        (error) => hasCode(error, 'kernel') && /T-NOWHERE/.test(error.message),
      );
      const missing = '*filter\n-D T-OURS -j DROP\nCOMMIT\n';
      await assert.rejects(restoreIptables(missing, place), /at "-D T-OURS -j DROP"/);
      const pieces = (): readonly string[] => [
        '*filter\n-A T-OURS',
        ' -j RETURN\n',
        '-D T-OURS -j DROP\nCOMMIT\n',
      ];
      await assert.rejects(restoreIptables(pieces, place), /at "-D T-OURS -j DROP"/);
      const text = await saveIptables(place);
      assert.match(text, /^-A T-OTHER -j RETURN$/m);
      assert.match(text, /^-A T-OURS -j ACCEPT$/m);
    });

for (const flavour of IPTABLES_FLAVOURS)
  for (const family of [4, 6] as const)
    it(`iptables-${flavour}, IPv${family}: a chain is listed with its counters; one that was never made is none`, async () => {
      const place = { netns, flavour, family };
      const listed = await listIptablesChain({ table: 'filter', chain: 'T-OURS' }, place);
      assert.match(listed ?? '', / ACCEPT /);
      assert.equal(await listIptablesChain({ table: 'filter', chain: 'T-NEVER' }, place), undefined);
    });

it('rules of both flavours in one namespace are a conflict', async () => {
  const use = await iptablesUse(netns);
  assert.match(
    iptablesConflict(use) ?? '',
    /both flavours are in use: 8 rules and chains of iptables-nft, 8/,
  );
});
