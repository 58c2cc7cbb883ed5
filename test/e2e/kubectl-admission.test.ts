// Every kubectl of this machine with admission policies: one manifest of a policy and its binding, and what users see of both.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/api-server.ts';
import { findKubectls, runKubectl, type Kubectl } from '../support/kubectl.ts';

const SIDE_BY_SIDE = 2;

const { files, client, stop } = await startTestServer();
after(stop);
const kubeconfig = files.kubeconfig(client.port);

describe('each version', { concurrency: SIDE_BY_SIDE }, () => {
  for (const kubectl of findKubectls())
    test(`kubectl 1.${kubectl.minor} works with admission policies`, () => suite(kubectl));
});

/** The form of the published install files: lists in brackets, an expression over several lines, two documents. */
function policyOf(name: string): string {
  return `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: "${name}"
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - apiGroups:   [""]
      apiVersions: ["v1"]
      operations:  ["CREATE", "UPDATE"]
      resources:   ["*"]
      resourceNames: ["${name}"]
  validations:
    - expression: "oldObject == null || (
        has(object.data) && object.data.exists(k, k == 'example.com-channel') &&
        !matches(object.data['example.com-channel'], 'v1.[0-5].\\\\\\\\d+') )"
      message: "Old ones are not wanted."
      reason: Invalid

---

apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: ${name}
spec:
  policyName: ${name}
  validationActions: [Deny]
`;
}

function mapOf(name: string, channel: string): string {
  return `
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name} }
data: { example.com-channel: ${channel} }
`;
}

async function suite(kubectl: Kubectl): Promise<void> {
  const name = `policy-${kubectl.minor}`;
  const run = (args: string, stdin?: string) =>
    runKubectl(kubectl, args.split(' '), {
      kubeconfig,
      home: files.folder,
      ...(stdin === undefined ? {} : { stdin }),
    });
  const ok = async (args: string, expected: RegExp, stdin?: string): Promise<void> => {
    const { code, text } = await run(args, stdin);
    assert.equal(code, 0, `${args}: ${text}`);
    assert.match(text, expected, args);
  };
  await ok('apply -f -', /created[^]*created/, policyOf(name));
  await ok('apply -f -', /created/, mapOf(name, 'v1.2.3'));
  await ok('apply -f -', /configured/, mapOf(name, 'v1.6.0'));
  const refused = await run('apply -f -', mapOf(name, 'v1.5.1'));
  assert.equal(refused.code, 1);
  assert.match(
    refused.text,
    new RegExp(
      `ValidatingAdmissionPolicy '${name}' with binding '${name}' denied request: Old ones are not wanted\\.`,
    ),
  );
  await ok(
    `get validatingadmissionpolicy ${name}`,
    /NAME +VALIDATIONS +PARAMKIND +AGE\npolicy-\d+ +1 +<unset>/,
  );
  await ok(
    `get validatingadmissionpolicybinding ${name}`,
    /POLICYNAME +PARAMREF[^]*policy-\d+ +policy-\d+ +<unset>/,
  );
  await ok(`describe validatingadmissionpolicy ${name}`, /Failure Policy: +Fail/);
  if (kubectl.minor >= 27) await ok('explain validatingadmissionpolicy.spec.failurePolicy', /failure/i);
  await ok(`delete validatingadmissionpolicybinding,validatingadmissionpolicy ${name}`, /deleted[^]*deleted/);
  await ok('apply -f -', /configured/, mapOf(name, 'v1.5.1'));
}
