// The commands about DNS, below the process of the same name: names, flags, examples.

import type { Command } from 'commander';
import { examples, flag } from './flags.ts';

/** `dns` is the command of the process, which runs where none of these is named. */
export function addDnsCommands(dns: Command): void {
  dns
    .command('check')
    .description('Show what a Corefile of CoreDNS means here, and what of it is not done')
    .argument('<corefile>', 'a Corefile, or - for standard input')
    .addOption(
      flag('--cluster-domain <domain>', 'the domain of the cluster that it is for').default('cluster.local'),
    )
    .addOption(flag('-o, --output <format>', 'form of the result').choices(['json', 'yaml']))
    .addHelpText(
      'after',
      examples(
        ['fairlead dns check Corefile', ''],
        [
          "kubectl -n kube-system get configmap coredns -o jsonpath='{.data.Corefile}' | fairlead dns check -",
          'of a cluster',
        ],
      ),
    )
    .action(async (path, flags) => (await import('./dns-check.ts')).dnsCheckCommand(path, flags));
}
