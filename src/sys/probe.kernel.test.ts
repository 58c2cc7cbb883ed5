import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { kernelError } from './errno.ts';
import { kernelVersion } from './probe-host.ts';
import { PROBES, probeMachine, type Probe } from './probe.ts';
import { FairleadError } from '../base/errors.ts';

describe('probes', () => {
  it('what the product needs is there on a machine that runs its tests, and nothing is unknown', async () => {
    const results = await probeMachine();
    assert.deepEqual(
      results.map((it) => it.probe.name),
      PROBES.map((it) => it.name),
    );
    assert.deepEqual(
      results.filter((it) => it.support.kind === 'unknown'),
      [],
    );
    assert.deepEqual(
      results.filter((it) => it.probe.need === 'required' && it.support.kind !== 'yes'),
      [],
    );
  });

  it('ask again and again without leaving a descriptor', async () => {
    await probeMachine();
    const before = readdirSync('/proc/self/fd').length;
    await probeMachine();
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  const failing = (error: Error, since?: string): Probe => ({
    name: 'x',
    neededFor: 'nothing',
    need: 'optional',
    ...(since === undefined ? {} : { since }),
    try: () => {
      throw error;
    },
  });

  it('answer no for what the kernel does not know, with the version that has it', async () => {
    const error = kernelError({ action: 'add x', errno: 95 });
    const [result] = await probeMachine([failing(error, '9.9')]);
    assert.deepEqual(result?.support, {
      kind: 'no',
      because: 'Cannot add x: not supported (EOPNOTSUPP); Linux 9.9 has it',
    });
  });

  it('answer unknown for every other failure, and go on', async () => {
    const probes = [
      failing(kernelError({ action: 'add x', errno: 12 })),
      failing(kernelError({ action: 'add x', errno: 1 })),
      failing(new Error('odd')),
      failing(new FairleadError('unsupported', 'not installed')),
    ];
    assert.deepEqual(
      (await probeMachine(probes)).map((it) => it.support.kind),
      ['unknown', 'unknown', 'unknown', 'no'],
    );
  });

  it('kernelVersion() reads what distributions write', () => {
    assert.deepEqual(
      ['6.1.0-28-amd64', '6.18.44-fc', '5.15', 'odd'].map((it) => kernelVersion(it)),
      [[6, 1], [6, 18], [5, 15], undefined],
    );
  });
});
