// What every kubectl of this machine says of the same objects, command by command: the same as the newest, but for the differences that are known.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiServerFiles } from '../support/api-server.ts';
import { findKubectls, runKubectl, type Kubectl } from '../support/kubectl.ts';
import { sameEverywhere } from './kubectl-session.ts';
import { DIFFERENCES } from './output-differences.ts';
import { makeShownObjects, SHOWN_NAMESPACE } from './shown-objects.ts';

/** Runs at the same time: some of each one's time is waiting. */
const SIDE_BY_SIDE = 4;

const KINDS =
  'nodes,ns,pc,sc,ingressclasses,cm,secrets,sa,limits,quota,pvc,svc,ep,endpointslices,deploy,rs,ds,sts,jobs,cj,pods,ing,netpol,pdb,roles,rolebindings,leases,crd,widgets,gtw,httproutes,events';
const CHANGED = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { a.conf: "x\\nz\\n" }
`;

/** All of them read. What is behind "<" is standard input. */
const COMMANDS: readonly string[] = [
  ...['', ' -o wide', ' -o yaml', ' -o json', ' -o name'].map((form) => `get ${KINDS}${form}`),
  'get all',
  'get pods -A -l app=web',
  'get pods --show-labels --show-kind --no-headers',
  'get pods -L app --sort-by=.metadata.name',
  'get pods --field-selector status.phase=Running',
  'get pods -o custom-columns=N:.metadata.name,I:.spec.containers[*].image',
  'get deploy web -o jsonpath={.spec}',
  'get deploy web --show-managed-fields -o yaml',
  'get widgets small -o go-template={{.spec.size}}',
  'get --raw /api/v1/namespaces/shown/configmaps/settings',
  'get pods nobody',
  'get nothing',
  ...[
    'nodes',
    'ns shown',
    'priorityclass high',
    'storageclass fast',
    'ingressclass outer',
    'cm settings',
    'secret keys',
    'sa bot',
    'limits limits',
    'quota quota',
    'pvc data',
    'svc web',
    'svc outside',
    'ep web',
    'endpointslice web-1',
    'deploy web',
    'rs web-2',
    'ds agent',
    'sts db',
    'job once',
    'cj nightly',
    'pod web-1-a',
    'pod waits',
    'ing door',
    'netpol only-web',
    'pdb web',
    'role reader',
    'rolebinding reader',
    'lease leader',
    'crd widgets.example.com',
    'widget small',
    'gtw gate',
    'httproute way',
  ].map((it) => `describe ${it}`),
  'explain deployment',
  'explain pod.spec.containers',
  'explain widgets.spec',
  'explain svc.spec.ports --recursive',
  'explain nothing',
  'api-resources',
  'api-resources -o wide',
  'api-resources --verbs=create,list --namespaced=false -o name',
  'api-versions',
  'rollout status deploy/web',
  'rollout status ds/agent',
  'rollout status sts/db',
  'rollout history deploy/web',
  'rollout history deploy/web --revision=1',
  'auth can-i --list',
  'auth can-i get pods',
  'auth can-i get pods/log --as=nobody',
  'events',
  'events --for pod/web-1-a',
  'cluster-info',
  'diff -f - <',
];

const kubectls = findKubectls();
const newest = kubectls.at(-1)?.minor ?? 0;
let files: ApiServerFiles;
let kubeconfig: string;
let stop: () => Promise<void>;
/** By command, what each version said. */
const said = new Map<string, Map<number, string>>(COMMANDS.map((line) => [line, new Map()]));

before(async () => {
  const server = await startTestServer();
  ({ files, stop } = server);
  kubeconfig = files.kubeconfig(server.client.port);
  await makeShownObjects(server.client);
  const runs = COMMANDS.flatMap((line) => kubectls.map((kubectl) => ({ line, kubectl })));
  const ask = async (): Promise<void> => {
    for (let run = runs.shift(); run !== undefined; run = runs.shift()) await record(run.line, run.kubectl);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, ask));
});
after(() => stop());

async function record(line: string, kubectl: Kubectl): Promise<void> {
  const words = line.split(' ').filter((it) => it !== '<');
  const run = await runKubectl(kubectl, [...words, '-n', SHOWN_NAMESPACE], {
    kubeconfig,
    home: path.join(files.folder, `home-${kubectl.minor}`),
    ...(line.endsWith('<') ? { stdin: CHANGED } : {}),
  });
  said.get(line)?.set(kubectl.minor, `exit ${run.code}\n${comparable(run.stdout)}`);
}

/** Without what is another one from run to run. */
function comparable(text: string): string {
  return sameEverywhere(
    text
      .replaceAll(/(?<![\w.[;])(\d+[dhms])+(?!\w)/g, 'AGE')
      .replaceAll(/"resourceVersion": "\d+"/g, '"resourceVersion": N')
      .replaceAll(/^(diff|---|\+\+\+) .*$/gm, '$1'),
    SHOWN_NAMESPACE,
  );
}

test('this machine has a kubectl', () => assert.ok(kubectls.length > 0));

const used = new Set<unknown>();

for (const line of COMMANDS) {
  test(`every version says the same: ${line.replace(KINDS, 'KINDS')}`, () => {
    const wanted = said.get(line)?.get(newest) ?? '';
    assert.match(wanted, /^exit [01]\n/);
    for (const { minor } of kubectls.slice(0, -1)) {
      const own = said.get(line)?.get(minor) ?? '';
      if (own === wanted) continue;
      const known = DIFFERENCES.filter((it) => minor <= it.until && it.of.test(line));
      for (const it of known) used.add(it);
      if (known.some((it) => it.newest === undefined && it.older === undefined)) continue;
      const [asNewest, asOlder] = known.reduce(
        ([one, other], { newest: fromNewest, older }) => [older?.(one) ?? one, fromNewest?.(other) ?? other],
        [own, wanted] as const,
      );
      assert.equal(asNewest, asOlder, `1.${minor}: ${line}`);
    }
  });
}

test('every known difference is one, and docs/kubernetes-api.md tells of it', () => {
  const page = readFileSync(new URL('../../docs/kubernetes-api.md', import.meta.url), 'utf8');
  const there = DIFFERENCES.filter(({ until }) => kubectls.some(({ minor }) => minor <= until));
  for (const difference of there) {
    assert.ok(used.has(difference), `no version differs any more: ${difference.why}`);
    assert.ok(page.includes(difference.why), `the page should say: ${difference.why}`);
  }
});
