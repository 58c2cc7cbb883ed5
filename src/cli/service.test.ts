import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrontendReceipt } from '../agent/service-receipt.ts';
import { nodeText } from './service.ts';

const DONE: FrontendReceipt = {
  key: '10.96.0.7:80/TCP',
  kind: 'balanced',
  scope: 'cluster-ip',
  portName: 'http',
  state: 'done',
  lines: ['replace frontend 10.96.0.7:80/TCP to 10.244.1.2 8080'],
  writtenAtMs: Date.UTC(2026, 0, 2),
  failure: undefined,
  inside: ['10.244.1.2 8080'],
  outside: ['10.244.1.2 8080'],
};

function textOf(frontend: FrontendReceipt, isWide = false): readonly string[] {
  const programmed = { Service: '7', Node: '3' };
  const answer = { node: 'node-1', backend: 'ebpf', programmed, frontends: [frontend], notes: [] };
  return nodeText(answer, isWide).trimEnd().split('\n');
}

test('nodeText() shows a frontend in a line, and with isWide what is in the kernel', () => {
  const lines = [
    'node-1: by ebpf, as of Service 7',
    '  FRONTEND          KIND        STATE       SINCE                     ENDPOINTS',
    '  10.96.0.7:80/TCP  cluster-ip  programmed  2026-01-02T00:00:00.000Z  10.244.1.2 8080',
  ];
  assert.deepEqual(textOf(DONE), lines);
  assert.deepEqual(textOf(DONE, true), [
    ...lines,
    '  in the kernel:',
    '    replace frontend 10.96.0.7:80/TCP to 10.244.1.2 8080',
  ]);
});

test('nodeText() says why a frontend failed, since when, and when it is tried again', () => {
  const [sinceMs, nextTryMs] = [Date.UTC(2026, 0, 2), Date.UTC(2026, 0, 2, 0, 1)];
  const error = 'Cannot write frontend 10.96.0.7:80/TCP: the map is full';
  const failure = { error, code: 'exhausted', attempts: 4, sinceMs, nextTryMs };
  const [, , row, last] = textOf({ ...DONE, state: 'error', failure });
  assert.match(row ?? '', /cluster-ip {2}FAILED {2}/);
  assert.equal(
    last,
    `  failed (try 4, since 2026-01-02T00:00:00.000Z, next at 2026-01-02T00:01:00.000Z): ${error}`,
  );
});
