// Whose a request is by the certificate of its connection: each connection has its own, for all of its requests.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { after, suite, test } from 'node:test';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { ALICE, startTestServer } from '../../../test/support/api-server.ts';

const SELF = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const HOST = '127.0.0.1';

const { files, server, stop } = await startTestServer();
after(stop);

/** One connection with the certificate `name`, or without one. */
function connection(name?: string): https.Agent {
  const identity =
    name === undefined
      ? {}
      : { cert: readFileSync(files.at(`${name}.crt`)), key: readFileSync(files.at(`${name}.key`)) };
  return new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false, ...identity });
}

/** The user as the server sees it. */
async function userOf(agent: https.Agent, token?: string): Promise<unknown> {
  const port = server.addresses[0]?.port ?? 0;
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const headers = { 'content-type': 'application/json', ...authorization };
  const request = https.request({ host: HOST, port, path: SELF, method: 'POST', headers, agent });
  request.end('{}');
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  const { status } = JSON.parse(await text(response)) as { status: { userInfo?: { username: string } } };
  return status.userInfo?.username ?? response.statusCode;
}

suite('certificates of connections', () => {
  test('each connection is its own user, request after request', async () => {
    files.issue('carol', '/O=developers/CN=carol');
    files.issue('dave', '/CN=dave');
    const [carol, dave] = [connection('carol'), connection('dave')];
    try {
      for (let i = 0; i < 3; i++) {
        assert.equal(await userOf(carol), 'carol');
        assert.equal(await userOf(dave), 'dave');
      }
    } finally {
      carol.destroy();
      dave.destroy();
    }
  });

  test('a connection without one is who each request says', async () => {
    const agent = connection();
    try {
      assert.equal(await userOf(agent, ALICE), 'alice');
      assert.equal(await userOf(agent), 401);
      assert.equal(await userOf(agent, ALICE), 'alice');
    } finally {
      agent.destroy();
    }
  });
});
