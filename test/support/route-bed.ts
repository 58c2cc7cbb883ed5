// A proxy with six backends, "a" to "f", and what requests to it meet: the bed of tests about routes and filters.

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import type { Endpoint } from '../../src/gateway/server-slots.ts';
import type { ProxyModel, RouteEntry } from '../../src/model/gateway.ts';
import { closeHttp, listenHttp } from '../../src/sys/http-server.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from './leaks.ts';
import { ownName } from './own-name.ts';
import { aBackend, aListener, aModel, anHttpPort, aRule, aTable } from './proxy-models.ts';
import {
  ask,
  openBackend,
  openProxyRig,
  type Answer,
  type Ask,
  type ProxyRig,
  type TestBackend,
} from './proxy-rig.ts';

const SCOPE = { prefix: ownName('proxy') };
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

const BOUNDS = { requestTimeout: 60_000, maxConnections: 1000 };

/** What a backend was asked. */
export interface Seen {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export class RouteBed {
  readonly lifetime: Lifetime;
  readonly rig: ProxyRig;
  readonly opened: readonly TestBackend[];
  readonly backends: ProxyModel['backends'];
  readonly #clean: LeakSnapshot;

  /** A backend of a test's own. */
  async openServer(onRequest: RequestListener): Promise<Endpoint> {
    const server = await listenHttp(onRequest, { host: '127.0.0.1', port: 0 }, BOUNDS);
    this.lifetime.own('a server', server, closeHttp);
    return { ip: parseIp('127.0.0.1'), port: parsePort((server.address() as AddressInfo).port) };
  }

  private constructor(
    clean: LeakSnapshot,
    lifetime: Lifetime,
    { rig, opened }: Pick<RouteBed, 'rig' | 'opened'>,
  ) {
    this.#clean = clean;
    this.lifetime = lifetime;
    this.rig = rig;
    this.opened = opened;
    this.backends = new Map(opened.map((it) => [it.name, aBackend(it.name, [it.endpoint])]));
  }

  static async open(): Promise<RouteBed> {
    const clean = await takeSnapshot(SCOPE);
    const lifetime = new Lifetime('test');
    const rig = await openProxyRig(lifetime);
    const opened = await Promise.all(NAMES.map((it) => openBackend(it, lifetime)));
    return new RouteBed(clean, lifetime, { rig, opened });
  }

  async close(): Promise<void> {
    await this.lifetime.close();
    await assertNoLeaks(this.#clean, SCOPE);
  }

  /** A rule per backend, called as it is; `rules` replace and add. */
  async publish(ports: ProxyModel['ports'], rules: ProxyModel['rules'] = new Map()): Promise<void> {
    const own = new Map(NAMES.map((it) => [it, aRule(it, it)]));
    const model = { ...aModel({ ports }), rules: new Map([...own, ...rules]), backends: this.backends };
    const { reloads } = await this.rig.driver.publish(model);
    assert.ok(reloads <= 1, 'backends that ask again need one reload');
  }

  asked(words: Ask): Promise<Answer> {
    return ask(this.rig.address, { host: 'x.example', ...words });
  }

  /** A connection on which this is all that is ever said. */
  async brokenOff(text: string): Promise<void> {
    const socket = connect(80, this.rig.address).resume();
    // Whether it is answered, closed or reset.
    socket.once('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end(text);
    await closed;
  }

  /** Each request and the name of who answered it, or the status. */
  async assertRows(rows: readonly (readonly [words: Ask, who: string])[]): Promise<void> {
    const got: [Ask, string][] = [];
    for (const [words] of rows) got.push([words, await this.whoAnswers(words)]);
    assert.deepEqual(got, rows);
  }

  async whoAnswers(words: Ask): Promise<string> {
    const answer = await this.asked(words);
    return answer.status === 200 ? seen(answer).name : String(answer.status);
  }
}

export function seen(answer: Answer): Seen {
  // As the rig's backends write it.
  return JSON.parse(answer.body) as Seen;
}

/** One port with one table for every name. */
export function oneTable(...entries: readonly RouteEntry[]): ProxyModel['ports'][number] {
  return anHttpPort(80, aListener(undefined, aTable(undefined, ...entries)));
}
