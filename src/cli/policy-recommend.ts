// `fairlead policy recommend`: the least that policies have to let pass, from recorded connections.

import { readFileSync } from 'node:fs';
import { FairleadError, messageOf } from '../base/errors.ts';
import type { Family } from '../base/ip.ts';
import { readConnectionRecord, type ConnectionRecord } from '../policy/recommend/connection-record.ts';
import {
  recommendationForm,
  recommendationYaml,
  unseenText,
} from '../policy/recommend/recommendation-text.ts';
import { recommendPolicies, type Recommendation } from '../policy/recommend/recommend.ts';
import { printForMachine } from './output.ts';
import type { RecordFlags } from './policy-connections.ts';
import { answering, loadObjects, podCidrsOf, type WorldFlags } from './policy-input.ts';

interface RecommendFlags extends WorldFlags, RecordFlags {
  readonly namespace: readonly string[];
  readonly connections?: string;
  readonly outsidePrefix?: string;
  readonly output?: string;
}

/** Where neither manifests nor a cluster are named. */
const DEFAULT_CLUSTER = 'fairlead';

/** Nothing goes to standard output but what passed the replay. Exit code 2 or more where there is none. */
export function policyRecommendCommand(flags: RecommendFlags): Promise<void> {
  return answering(async () => {
    const { cluster = flags.filename.length > 0 ? undefined : DEFAULT_CLUSTER } = flags;
    const outsidePrefix = readPrefixes(flags.outsidePrefix);
    const record = await recordFor(flags, cluster);
    // After the record: what came into being meanwhile is there.
    const objects = await loadObjects(cluster === undefined ? flags : { ...flags, cluster });
    const recommendation = recommendPolicies(objects, record, {
      podCidrs: podCidrsOf(flags),
      namespaces: flags.namespace,
      outsidePrefix,
    });
    warn(recommendation);
    if (flags.output === 'json') printForMachine(recommendationForm(recommendation), 'json');
    else process.stdout.write(recommendationYaml(recommendation));
  });
}

async function recordFor(
  { connections: file, ...flags }: RecommendFlags,
  cluster: string | undefined,
): Promise<ConnectionRecord> {
  if (file !== undefined) return readConnectionRecord(file, textOf(file));
  if (cluster === undefined)
    throw new FairleadError(
      'invalid',
      'Cannot recommend policies: name recorded connections by --connections FILE, or a cluster by --cluster',
    );
  // What speaks to a cluster is loaded where there is one.
  return (await import('./policy-connections.ts')).recordConnections(cluster, flags);
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read connections "${file}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What a reader of the policies has to know stands in their comments, too, which JSON has not. */
function warn({ unseen, policies }: Recommendation): void {
  const say = (text: string): void => void process.stderr.write(`fairlead: ${text}\n`);
  if (policies.length === 0) say('nothing to recommend: no connection of a pod was seen');
  for (const it of unseen) say(`warning: opened though it was not seen: ${unseenText(it)}`);
}

/** "24", or "24,64" with that of IPv6. */
function readPrefixes(text: string | undefined): Readonly<Partial<Record<Family, number>>> {
  if (text === undefined) return {};
  const match = /^(\d{1,2})(?:,(\d{1,3}))?$/.exec(text);
  const [four, six] = [Number(match?.[1]), match?.[2] === undefined ? 128 : Number(match[2])];
  if (match === null || four > 32 || six > 128)
    throw new FairleadError(
      'invalid',
      `Cannot read --outside-prefix "${text}": a length such as 24, or one of each family such as 24,64`,
    );
  return { 4: four, 6: six };
}
