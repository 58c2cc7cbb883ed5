// The commands about policies: names, flags, examples.

import type { Command, Option } from 'commander';
import { SILENCE_MS } from '../policy/packet-plan.ts';
import {
  collected,
  durationFlag,
  examples,
  filenameFlag,
  flag,
  nameFlag,
  namespaceFlag,
  outputFlag,
  parseCount,
  parseList,
  quietFlag,
} from './flags.ts';

export function addPolicyCommands(program: Command): void {
  const policy = program
    .command('policy')
    .description('Ask what network policies mean: in files without a cluster, or in one');
  addWhy(policy);
  addTest(policy);
  addCoverage(policy);
  addMatrix(policy);
  addDiff(policy);
  addLint(policy);
  addDenied(policy);
  addNames(policy);
  addConnections(policy);
  addRecommend(policy);
}

function addConnections(policy: Command): void {
  policy
    .command('connections')
    .description('Record what the pods of a cluster have to do with whom')
    .addOption(nameFlag())
    .addOption(forFlag({ ms: 0, text: '0s' }))
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead policy connections', 'those of the moment'],
        ['fairlead policy connections --for 10m -o yaml > shop.connections.yaml', 'for policy recommend'],
      ),
    )
    .action(async (options) => (await import('./policy-connections.ts')).policyConnectionsCommand(options));
}

function addRecommend(policy: Command): void {
  policy
    .command('recommend')
    .description('Print the policies that let pass what was seen, and nothing else')
    .addOption(
      flag('-n, --namespace <namespace>', 'make policies for it alone; may be repeated')
        .argParser(collected)
        .default([], 'those of which a pod was seen'),
    )
    .addOption(filenameFlag())
    .addOption(clusterFlag())
    .addOption(forFlag({ ms: 60_000, text: '60s' }))
    .addOption(
      flag('--connections <file>', 'a record of policy connections instead of what the cluster does now'),
    )
    .addOption(
      flag(
        '--outside-prefix <lengths>',
        'open addresses outside by prefixes of these lengths (such as 24,64)',
      ),
    )
    .addOption(podCidrFlag())
    .addOption(flag('-o, --output <format>', 'form of the result').choices(['json', 'yaml']).default('yaml'))
    .addOption(quietFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead policy recommend -n shop --for 10m | kubectl apply -f -', 'from a cluster'],
        [
          'fairlead policy recommend -f manifests --connections shop.connections.yaml',
          'from files alone, as in a pull request',
        ],
      ),
    )
    .action(async (options) => (await import('./policy-recommend.ts')).policyRecommendCommand(options));
}

function forFlag(of: { readonly ms: number; readonly text: string }): Option {
  return durationFlag('--for <duration>', 'how long the nodes are asked for connections', of);
}

function addDenied(policy: Command): void {
  policy
    .command('denied')
    .description('Show what policies denied lately in a cluster, and why')
    .addOption(nameFlag())
    .addOption(outputFlag())
    .addHelpText('after', examples(['fairlead policy denied', 'the newest first']))
    .action(async (options) => (await import('./policy-denied.ts')).policyDeniedCommand(options));
}

function addNames(policy: Command): void {
  policy
    .command('names')
    .description('Show which addresses the domain names in policies have on the nodes of a cluster')
    .addOption(nameFlag())
    .addOption(outputFlag())
    .addHelpText('after', examples(['fairlead policy names', 'with how long each of them is let through']))
    .action(async (options) => (await import('./policy-names.ts')).policyNamesCommand(options));
}

function addWhy(policy: Command): void {
  policy
    .command('why')
    .description('Show whether a connection is allowed, what decides at each end, and where that is written')
    .argument('<from>', 'NAMESPACE/NAME, NAMESPACE/KIND/NAME, node/NAME or an address')
    .argument(
      '<to>',
      'the same, NAMESPACE/service/NAME or a domain name, with a port: TO:PORT or TO:PORT/PROTOCOL; the port may be a name',
    )
    .addOption(filenameFlag())
    .addOption(clusterFlag())
    .addOption(namespaceFlag())
    .addOption(flag('--ipv6', 'ask about IPv6 where neither end is an address'))
    .addOption(flag('--suggest', 'instead: NetworkPolicies that would let it pass, for kubectl apply'))
    .addOption(podCidrFlag())
    .addOption(machineFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead policy why shop/web shop/api:8080 -f examples/policies', 'both ends, with lines'],
        [
          'fairlead policy why 203.0.113.7 shop/web:http -f examples/policies',
          'from outside, to a named port',
        ],
      ),
    )
    .action(async (from, to, options) => (await import('./policy.ts')).policyWhyCommand(from, to, options));
}

function addTest(policy: Command): void {
  policy
    .command('test')
    .description('Judge assertions about who may speak to whom; exit code 1 where one fails')
    .argument(
      '<file...>',
      'YAML with a list "tests" of from, to, port, protocol, expect: allow|deny, by, why',
    )
    .addOption(filenameFlag())
    .addOption(flag('--cluster <name>', 'a cluster of this machine instead of files: with real packets'))
    .addOption(
      durationFlag('--timeout <duration>', 'for one connection of --cluster', { ms: SILENCE_MS, text: '1s' }),
    )
    .addOption(flag('--junit <file>', 'write the results as JUnit XML'))
    .addOption(flag('--sarif <file>', 'write what failed as SARIF, for code scanning'))
    .addOption(flag('--markdown <file>', 'write the results as Markdown, for a summary'))
    .addOption(flag('--tap', 'print the results as TAP'))
    .addOption(podCidrFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead policy test shop.test.yaml -f policies -f workloads --junit out.xml', 'without a cluster'],
        ['fairlead policy test shop.test.yaml --cluster fairlead', 'with packets between its pods'],
      ),
    )
    .action(async (files, options) => (await import('./policy-test.ts')).policyTestCommand(files, options));
}

function addCoverage(policy: Command): void {
  policy
    .command('coverage')
    .description('Show which changes of the policies no test would notice')
    .argument('<file...>', 'tests, as for policy test')
    .addOption(filenameFlag())
    .addOption(
      flag('--fail-under <percent>', 'exit code 1 where fewer changes are noticed')
        .argParser(parseCount)
        .default(0),
    )
    .addOption(podCidrFlag())
    .addOption(machineFlag())
    .addHelpText(
      'after',
      examples([
        'fairlead policy coverage policies/*.test.yaml -f policies -f workloads --fail-under 80',
        'in CI',
      ]),
    )
    .action(async (files, options) =>
      (await import('./policy-coverage.ts')).policyCoverageCommand(files, options),
    );
}

function addMatrix(policy: Command): void {
  policy
    .command('matrix')
    .description('Show who reaches every workload at each of its ports')
    .addOption(filenameFlag())
    .addOption(clusterFlag())
    .addOption(flag('--ipv6', 'by the addresses of IPv6'))
    .addOption(podCidrFlag())
    .addOption(
      flag('-o, --output <format>', 'form of the result').choices([
        'json',
        'yaml',
        'csv',
        'markdown',
        'wide',
      ]),
    )
    .addHelpText(
      'after',
      examples([
        'fairlead policy matrix -f examples/shop -f examples/policies -o csv',
        'a line for each pair',
      ]),
    )
    .action(async (options) => (await import('./policy-matrix.ts')).policyMatrixCommand(options));
}

function addDiff(policy: Command): void {
  policy
    .command('diff')
    .description(
      'Show which connections a change of policies opens and closes; exit code 1 where there are any',
    )
    .argument('<file...>', 'manifests of before and of after; with --cluster: what would be applied')
    .addOption(filenameFlag('manifests of both, such as the workloads; may be repeated'))
    .addOption(clusterFlag())
    .addOption(flag('--ipv6', 'by the addresses of IPv6'))
    .addOption(podCidrFlag())
    .addOption(
      flag('-o, --output <format>', 'form of the result').choices(['json', 'yaml', 'markdown', 'wide']),
    )
    .addHelpText(
      'after',
      examples(
        ['fairlead policy diff main/policies policies -f workloads', 'as in a pull request'],
        ['fairlead policy diff policies --cluster fairlead', 'what applying them would change there'],
      ),
    )
    .action(async (files, options) => (await import('./policy-diff.ts')).policyDiffCommand(files, options));
}

function addLint(policy: Command): void {
  policy
    .command('lint')
    .description('Name what is probably a mistake, with its line and what to do')
    .addOption(filenameFlag())
    .addOption(clusterFlag())
    .addOption(
      flag('--fail-on <level>', 'exit code 1 from which level on')
        .choices(['error', 'warning', 'note', 'none'])
        .default('warning'),
    )
    .addOption(
      flag('--ignore <rules>', 'rules that shall find nothing, separated by commas').argParser(parseNames),
    )
    .addOption(flag('--sarif <file>', 'write what is found as SARIF, for code scanning'))
    .addOption(podCidrFlag())
    .addOption(machineFlag())
    .addHelpText(
      'after',
      examples(['fairlead policy lint -f policies -f workloads --fail-on error', 'in CI']),
    )
    .action(async (options) =>
      (await import('./policy-lint.ts')).policyLintCommand({ ignore: [], ...options }),
    );
}

function parseNames(value: string): readonly string[] {
  return value
    .split(',')
    .map((it) => it.trim())
    .filter((it) => it !== '');
}

function clusterFlag(): Option {
  return flag('--cluster <name>', 'a cluster of this machine, as it would be with the manifests applied');
}

function machineFlag(): Option {
  return flag('-o, --output <format>', 'form of the result').choices(['json', 'yaml']);
}

function podCidrFlag(): Option {
  return flag(
    '--pod-cidr <prefixes>',
    'where pods without an address are taken to be (default: 10.244.0.0/16,fd00:10:244::/56)',
  ).argParser(parseList);
}
