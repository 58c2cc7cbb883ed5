import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTelemetry } from './telemetry.ts';

const ROWS = [
  { annotation: undefined, telemetry: undefined },
  { annotation: '', telemetry: undefined },
  { annotation: 'metrics', telemetry: 'metrics' },
  { annotation: ' access-log , metrics', telemetry: 'access-log' },
  { annotation: 'access-log', telemetry: 'access-log' },
] as const;

for (const { annotation, telemetry } of ROWS)
  test(`readTelemetry() takes ${JSON.stringify(annotation)} for ${telemetry}`, () =>
    assert.deepEqual(readTelemetry(annotation), { telemetry, problem: undefined }));

test('readTelemetry() takes nothing of what has a word that is not known, and says which', () => {
  const { telemetry, problem } = readTelemetry('metrics,"tracing"\n');
  assert.equal(telemetry, undefined);
  assert.match(problem ?? '', /^fairlead\.dev\/telemetry: "\\"tracing\\"" is none of metrics, access-log/);
});
