import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { anonymousNetns, inNetns, netnsInode, type Netns } from './netns.ts';
import { applyNft, deleteNftTable, listNftTable, listNftTables } from './nft.ts';
import { runProgram } from './process.ts';

let netns: Netns;
before(() => {
  netns = anonymousNetns();
});
after(() => netns.close());

it('programs run there', async () => {
  const { stdout } = await runProgram('readlink', ['/proc/self/ns/net'], { netns });
  assert.equal(stdout.trim(), `net:[${inNetns(netns, () => netnsInode())}]`);
});

it('nftables: a script is loaded whole or not at all, listed and deleted', async () => {
  const table = { family: 'inet', name: 't-sys' } as const;
  await applyNft('table inet t-sys {\n set s { type ipv4_addr\n elements = { 10.0.0.1 }\n }\n}\n', {
    netns,
  });
  assert.deepEqual(await listNftTables({ netns }), [table]);
  const objects = await listNftTable(table, { netns });
  assert.deepEqual(
    objects?.map((object) => Object.keys(object)[0]),
    ['table', 'set'],
  );
  const broken = 'add set inet t-sys other { type ipv4_addr; }\nadd rule inet t-sys nowhere accept\n';
  await assert.rejects(
    applyNft(broken, { netns }),
    (error) => hasCode(error, 'kernel') && /nowhere/.test(error.message),
  );
  assert.equal((await listNftTable(table, { netns }))?.length, 2);
  await deleteNftTable(table, { netns });
  await deleteNftTable(table, { netns });
  assert.equal(await listNftTable(table, { netns }), undefined);
});
