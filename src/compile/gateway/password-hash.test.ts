import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { HASHED } from '../../../test/support/passwords.ts';
import { parsePasswordHash } from './password-hash.ts';

const SHA = 'e/5XKibXPLqVcfjpD.ouauaJrAOL5V0uo80Lt7n7EbRdRiCx3HbQ90yjOHr.G0T.mx79PEMRy8nmtr0qSYhQp1';

test('parsePasswordHash() takes the digest out of what htpasswd and crypt(3) write', () => {
  const read = HASHED.map(({ user, hash }) => [user, parsePasswordHash(hash)?.scheme]);
  assert.deepEqual(read, [
    ['apr1', '$apr1$'],
    ['md5', '$1$'],
    ['sha256', '$5$'],
    ['sha512', '$6$'],
    ['sha1', 'sha1'],
    ['salted', 'sha1'],
    ['bcrypt', undefined],
  ]);
  const sha1 = createHash('sha1').update('open sesame').digest('hex').toUpperCase();
  assert.equal(parsePasswordHash('{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=')?.digest, sha1);
});

const ROWS: readonly (readonly [text: string, rounds: number | undefined])[] = [
  [`$6$rounds=9000$saltsalt$${SHA}`, 9000],
  [`$6$rounds=10$saltsalt$${SHA}`, 1000],
  [`$6$rounds=999999999$saltsalt$${SHA}`, undefined],
  [`$6$saltsalt$${SHA}x`, undefined],
  [`$6$saltsalt$${SHA.slice(1)}`, undefined],
  ['$apr1$saltsaltsalt$HIDXe7D36X22w1CH4M1cQ.', undefined],
  ['$apr1$$', undefined],
  ['{SHA}AAAA', undefined],
  ['{SSHA}W8r/fyL/UzygmbNAjq2HbA67qac=', undefined],
  ['{PLAIN}open sesame', undefined],
  ['rqXexS6ZhobKA', undefined],
  ['', undefined],
];

for (const [text, rounds] of ROWS)
  test(`parsePasswordHash() ${text.slice(0, 40)}: ${rounds ?? 'none'}`, () => {
    assert.equal(parsePasswordHash(text)?.rounds, rounds);
  });
