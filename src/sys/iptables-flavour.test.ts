import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { countSavedRules, iptablesConflict, systemIptablesFlavour } from './iptables-flavour.ts';

test('iptablesConflict() names both flavours, and the one that "iptables" does not show', () => {
  const none = iptablesConflict({ system: 'nft', counts: { nft: 5, legacy: 0 } });
  assert.equal(none, undefined);
  assert.equal(
    iptablesConflict({ system: undefined, counts: { nft: undefined, legacy: undefined } }),
    undefined,
  );
  assert.match(iptablesConflict({ system: 'nft', counts: { nft: 5, legacy: 2 } }) ?? '', /both flavours/);
  assert.match(iptablesConflict({ system: 'nft', counts: { nft: 0, legacy: 2 } }) ?? '', /iptables-legacy$/);
  assert.match(iptablesConflict({ system: 'legacy', counts: { nft: 1, legacy: 0 } }) ?? '', /iptables-nft$/);
});

test('countSavedRules() counts rules and users’ chains, not what every table has', () => {
  assert.equal(countSavedRules('*nat\n:INPUT ACCEPT [0:0]\n:MINE - [0:0]\n-A MINE -j RETURN\nCOMMIT\n'), 2);
});

test('systemIptablesFlavour() follows the links of alternatives', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 't-iptables-'));
  t.after(() => rmSync(folder, { recursive: true }));
  assert.equal(systemIptablesFlavour([folder]), undefined);
  for (const [flavour, file] of [
    ['nft', 'xtables-nft-multi'],
    ['legacy', 'xtables-legacy-multi'],
  ] as const) {
    writeFileSync(path.join(folder, file), '', { mode: 0o755 });
    rmSync(path.join(folder, 'iptables'), { force: true });
    symlinkSync(file, path.join(folder, 'iptables'));
    assert.equal(systemIptablesFlavour([folder]), flavour);
  }
});
