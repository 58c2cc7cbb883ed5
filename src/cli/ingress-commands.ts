// The commands about Ingresses: names, flags, examples.

import type { Command } from 'commander';
import { examples, filenameFlag, flag, nameFlag, quietFlag } from './flags.ts';

export function addIngressCommands(program: Command): void {
  const ingress = program.command('ingress').description('Ask what Ingresses mean, and move on from them');
  ingress
    .command('migrate')
    .description(
      'Print what Ingresses are as objects of the Gateway API, and what of them does not carry over',
    )
    .addOption(filenameFlag())
    .addOption(nameFlag())
    .addOption(flag('--ingress-class <name>', 'those of one class alone (default: of every class)'))
    .addOption(flag('--gateway <namespace/name>', 'what the Gateway is called').default('default/ingress'))
    .addOption(flag('--gateway-class <name>', "the Gateway's class").default('fairlead'))
    .addOption(
      flag('-o, --output <format>', 'the whole report, or the objects alone').choices(['json', 'yaml']),
    )
    .addOption(quietFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead ingress migrate', 'the report on a cluster of this machine'],
        ['fairlead ingress migrate -o yaml | kubectl apply -f -', 'the objects alone'],
        [
          'kubectl get ingressclass,ingress,service -A -o yaml | fairlead ingress migrate -f -',
          'on any cluster',
        ],
      ),
    )
    .action(async (flags) => (await import('./ingress-migrate.ts')).ingressMigrateCommand(flags));
}
