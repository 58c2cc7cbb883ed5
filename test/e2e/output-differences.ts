// Where the output of older versions of kubectl is another one than the newest's, on the same objects and the same server, and why: facts of
// kubectl. Everything else must be the same; what stands here and makes no difference any more is found as well.

export interface Difference {
  /** The last of the versions here that is not like the newest. */
  readonly until: number;
  readonly of: RegExp;
  /** As docs/kubernetes-api.md says it. */
  readonly why: string;
  /** What the newest says, as the older ones say it; undefined where the wording is wholly another, or there is none. */
  readonly newest?: (text: string) => string;
  /** What an older one says, as the newest says it. */
  readonly older?: (text: string) => string;
}

function without(...lines: readonly RegExp[]): (text: string) => string {
  return (text) =>
    text
      .split('\n')
      .filter((line) => !lines.some((it) => it.test(line)))
      .join('\n');
}

const withoutBlanks = without(/^\s*$/);

const MANAGED = 'shows managed fields, and an empty `selfLink` of lists';
const OLD_KINDS = 'asks for versions of CronJob, PodDisruptionBudget and EndpointSlice that are no more';
const WORDING = 'describes jobs, pods, nodes, Ingresses, priority classes and ConfigMaps in fewer lines';
const EXPLAIN = 'explains by OpenAPI v2: no group, and objects without the names of their types';

export const DIFFERENCES: readonly Difference[] = [
  {
    until: 20,
    of: / -o yaml$/,
    why: MANAGED,
    older: (text) => text.replaceAll(/^ managedFields:\n[^]*?(?=^ name: )|^ selfLink: ""\n/gm, ''),
  },
  {
    until: 20,
    of: / -o json$/,
    why: MANAGED,
    older: (text) => text.replaceAll(/^ "managedFields": \[\n[^]*?^ \],\n|,\n "selfLink": ""/gm, ''),
  },
  {
    until: 20,
    of: /^describe (lease|crd|widget|gtw|httproute) /,
    why: MANAGED,
    older: (text) => text.replaceAll(/^ Managed Fields:\n[^]*?(?=^ Resource Version: )/gm, ''),
  },
  { until: 20, of: /--show-managed-fields/, why: 'has no `--show-managed-fields`' },
  { until: 20, of: /^events/, why: 'has no command `events`' },
  { until: 20, of: /^describe (cj|pdb|endpointslice) /, why: OLD_KINDS },
  { until: 20, of: /^describe (job|ing) /, why: WORDING },
  {
    until: 20,
    of: /^describe deploy /,
    why: 'leaves old replica sets without pods out of Deployments',
    newest: (text) => text.replace(/^OldReplicaSets: .*$/m, 'OldReplicaSets: <none>'),
  },
  {
    until: 20,
    of: /^describe nodes$/,
    why: WORDING,
    newest: (text) => text.replace('Memory Limits Age', 'Memory Limits AGE'),
  },
  { until: 20, of: /^describe pod /, why: WORDING, newest: without(/^Service Account: /) },
  { until: 20, of: /^describe priorityclass /, why: WORDING, newest: without(/^PreemptionPolicy: /) },
  {
    until: 20,
    of: /^describe cm /,
    why: WORDING,
    newest: (text) => text.replace('BinaryData\n====\n', ''),
  },
  { until: 20, of: /^explain /, why: EXPLAIN },
  { until: 20, of: /^api-resources -o wide$/, why: 'lists verbs in brackets, and no categories' },
  { until: 20, of: /^diff /, why: MANAGED },
  {
    until: 29,
    of: /^explain /,
    why: 'puts fewer blank lines into explanations',
    newest: withoutBlanks,
    older: withoutBlanks,
  },
  {
    until: 29,
    of: /^(describe (deploy|rs|ds|sts|job|cj)|rollout history .*--revision)/,
    why: 'leaves node selectors and tolerations out of templates',
    newest: without(/^\s*(Node-Selectors|Tolerations):/),
  },
  {
    until: 29,
    of: /^describe job /,
    why: 'leaves suspension and the limit of failures out of jobs',
    newest: without(/^(Suspend|Backoff Limit): /),
  },
  {
    until: 30,
    of: /^describe cm /,
    why: 'puts fewer blank lines into ConfigMaps',
    newest: withoutBlanks,
    older: withoutBlanks,
  },
  {
    until: 30,
    of: /^describe svc web$/,
    why: 'leaves the internal traffic policy out of Services',
    newest: without(/^Internal Traffic Policy: /),
  },
  {
    until: 30,
    of: /^describe netpol /,
    why: 'shows the first port of a range in NetworkPolicies',
    newest: (text) => text.replace('To Port Range: 80-90/TCP', 'To Port: 80/TCP'),
  },
  {
    until: 31,
    of: /^cluster-info$/,
    why: 'colours `cluster-info` where there is no terminal',
    // eslint-disable-next-line no-control-regex
    older: (text) => text.replaceAll(/\x1b\[[\d;]*m/g, ''),
  },
  {
    until: 32,
    of: /^describe ds /,
    why: 'leaves the namespace out of DaemonSets',
    newest: without(/^Namespace: /),
  },
];
