// Composition root of the API server: reads its files, opens the store, listens, and closes everything in reverse.

import { createPrivateKey, randomInt, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pino, type Logger } from 'pino';
import { systemClock, type Clock } from '../base/clock.ts';
import { FairleadError, messageOf } from '../base/errors.ts';
import { Lifetime } from '../base/lifetime.ts';
import { SchemaChecks } from '../objects/validation/schema.ts';
import { AdmissionPolicies } from './admission/policies.ts';
import { parseTokens } from './access/authentication.ts';
import { AuditLog } from './audit/audit-log.ts';
import { Authorizer } from './access/authorization.ts';
import { bootstrap, ensureNamespaces } from './bootstrap.ts';
import { keepAggregated } from './access/cluster-role-aggregation.ts';
import { readApiServerConfig, type ApiServerConfig, type ListenAddress } from './config.ts';
import type { ApiContext, Random } from './context.ts';
import { keepDefinitions } from './custom/keep-definitions.ts';
import { Kinds } from './custom/kinds.ts';
import { FairQueue } from './http/fair-queue.ts';
import { ensureDefaultAccess } from './access/default-access.ts';
import { ObjectLog } from './store/object-log.ts';
import { ObjectStore } from './store/object-store.ts';
import { listen, type ServerParts } from './http/server.ts';
import { ServiceAccountTokens } from './access/service-account-tokens.ts';

export interface ApiServerOptions {
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** How many of the newest revisions stay readable for watches. */
  readonly windowRevisions?: number;
}

export interface ApiServer {
  /** Where it listens, in the order of the configuration, ports chosen. */
  readonly addresses: readonly ListenAddress[];
  /** Ends connections and closes the database; nothing acknowledged is lost. */
  close(): Promise<void>;
}

const BOOTSTRAP_MS = 10_000;

const systemRandom: Random = { uuid: () => randomUUID(), below: (limit) => randomInt(limit) };

/** Runs the server of a configuration file until `signal` aborts. */
export async function runApiServer(configFile: string, signal: AbortSignal): Promise<void> {
  const log = pino({ name: 'apiserver' });
  const server = await startApiServer(await readApiServerConfig(configFile), { log });
  log.info({ addresses: server.addresses }, 'serving');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.close();
}

/** Starts a server; it answers on every address of the configuration when this resolves. */
export async function startApiServer(
  config: ApiServerConfig,
  options: ApiServerOptions = {},
): Promise<ApiServer> {
  const lifetime = new Lifetime('API server');
  try {
    return await start(config, options, lifetime);
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}

async function start(
  config: ApiServerConfig,
  options: ApiServerOptions,
  lifetime: Lifetime,
): Promise<ApiServer> {
  const logger = options.log ?? pino({ level: 'silent' });
  const audit = config.audit === undefined ? undefined : new AuditLog(config.audit, logger);
  if (audit !== undefined) lifetime.own('audit log', audit, (it) => it.close());
  const parts: ServerParts = { ...(await readParts(config)), audit };
  const log = lifetime.own('database', new ObjectLog(config.database), (it) => it.close());
  const { windowRevisions } = options;
  const store = new ObjectStore(log, windowRevisions === undefined ? {} : { windowRevisions });
  const context: ApiContext = {
    store,
    kinds: new Kinds(store),
    authorizer: new Authorizer(store),
    policies: new AdmissionPolicies(store),
    config,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    tokens: await readTokenKey(config),
    usersByToken: parseTokens(config.tokensFile === undefined ? '' : await readText(config.tokensFile)),
    schemas: new SchemaChecks(),
    turns: new FairQueue(),
  };
  keepDefinitions(context, (defect) => logger.error({ error: messageOf(defect) }, 'cannot keep definitions'));
  // Before the first request: without its roles nobody but the privileged could do anything.
  ensureNamespaces(context);
  ensureDefaultAccess(context);
  lifetime.defer('aggregation of cluster roles', keepAggregated(context, logger));
  const addresses: ListenAddress[] = [];
  for (const address of config.listen) {
    const server = await listen(context, parts, { address, log: logger, signal: lifetime.signal });
    lifetime.own(`listener on ${address.host}`, server, (it) => it.close());
    addresses.push(server.address);
  }
  const { host, port } = config.advertise;
  const advertise = { host, port: port === 0 ? (addresses[0]?.port ?? 0) : port };
  bootstrap(context, advertise);
  // `kubectl delete svc --all` takes the kubernetes Service too: it comes back, as on every cluster.
  const keeper = setInterval(() => keep(context, advertise, logger), BOOTSTRAP_MS);
  lifetime.defer('keeper of the system objects', () => clearInterval(keeper));
  return { addresses, close: () => lifetime.close() };
}

function keep(context: ApiContext, advertise: ListenAddress, log: Logger): void {
  try {
    bootstrap(context, advertise);
  } catch (error) {
    // A full disk or a user's object in the way: the next turn tries again, requests go on.
    log.error({ error: messageOf(error) }, 'cannot keep the system objects');
  }
}

async function readParts(config: ApiServerConfig): Promise<Omit<ServerParts, 'audit'>> {
  const [cert, key, clientCa] = await Promise.all(
    [config.certFile, config.keyFile, config.clientCaFile].map(readText),
  );
  return {
    cert: cert ?? '',
    key: key ?? '',
    clientCa: clientCa ?? '',
  };
}

async function readTokenKey({ serviceAccountKeyFile }: ApiServerConfig): Promise<ServiceAccountTokens> {
  return new ServiceAccountTokens(createPrivateKey(await readText(serviceAccountKeyFile)));
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new FairleadError('not-found', `Cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
}
