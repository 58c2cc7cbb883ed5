// The commands about names: flags, examples. `fairlead dns --config` is the process that answers, as the supervisor starts it.

import type { Command, Option } from 'commander';
import { TOP_BY } from './dns-top-rows.ts';
import { examples, flag, nameFlag, outputFlag, parseCount } from './flags.ts';
import { untilTerminated } from './process-commands.ts';

export function addDnsGroup(program: Command): void {
  const dns = program
    .command('dns')
    .description("Ask what a cluster's DNS answers; with --config run a node's DNS server in the foreground")
    .option('--config <file>', 'configuration of the server (JSON)')
    .action(async ({ config }: { readonly config?: string }, command: Command) => {
      if (config === undefined) return command.help({ error: true });
      const { runDns } = await import('../dns/main.ts');
      return runDns(config, untilTerminated());
    });
  addCheck(dns);
  addTop(dns);
  addQuery(dns);
}

function nodeFlag(about: string): Option {
  return flag('-n, --node <name>', about);
}

function addTop(dns: Command): void {
  dns
    .command('top')
    .description('Show what the pods of a cluster ask, how it is answered, and which questions are wasted')
    .addOption(nameFlag())
    .addOption(nodeFlag('the pods of this node alone'))
    .addOption(flag('--by <what>', 'what a line is of').choices(TOP_BY).default('pod'))
    .addOption(flag('--limit <count>', 'how many lines').argParser(parseCount).default(20))
    .addOption(outputFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead dns top', 'who asks the most'],
        ['fairlead dns top -n node-1 --by name', 'for what'],
        ['fairlead dns top --by code', 'and how it is answered'],
      ),
    )
    .action(async (options) => (await import('./dns-top.ts')).dnsTopCommand(options));
}

function addQuery(dns: Command): void {
  dns
    .command('query')
    .description("Ask a node's DNS server for a name, and show who answers and why")
    .argument('<name>', 'the name; with --from one of few dots is searched as the pod does')
    .addOption(nameFlag())
    .addOption(flag('-t, --type <type>', 'A, AAAA, SRV, PTR, TYPE65, ...').default('A'))
    .addOption(flag('--from <pod>', 'ask as this pod: pod/NAME or NAMESPACE/pod/NAME'))
    .addOption(nodeFlag('ask this node (default: that of the pod, or the first one)'))
    .addOption(outputFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead dns query web.shop.svc.cluster.local', 'which Service it is'],
        ['fairlead dns query www.example.com --from shop/pod/web-0', 'as a pod of the shop sees it'],
      ),
    )
    .action(async (name, options) => (await import('./dns-query.ts')).dnsQueryCommand(name, options));
}

function addCheck(dns: Command): void {
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
