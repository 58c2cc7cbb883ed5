// The commands about routes: names, flags, examples.

import type { Command } from 'commander';
import { collected, examples, filenameFlag, flag } from './flags.ts';

export function addRouteCommands(program: Command): void {
  const route = program.command('route').description('Ask where requests go');
  route
    .command('why')
    .description(
      'Show which rule of a Gateway or Ingress has a request, what comes of it, and what keeps others from it',
    )
    .argument('<method>', 'GET, POST, ...; may be left out, for GET')
    .argument('[url]', 'https://HOST/PATH, http://HOST:PORT/PATH, tls://HOST, tcp://:PORT or udp://:PORT')
    .addOption(filenameFlag())
    .addOption(
      flag(
        '--cluster <name>',
        'a cluster of this machine, as it would be with the manifests applied (default: fairlead, where there are none)',
      ),
    )
    .addOption(
      flag('-H, --header <header>', 'a header of the request as "Name: value"; may be repeated')
        .argParser<readonly string[]>(collected)
        .default([], 'none'),
    )
    .addOption(
      flag('--gateway <namespace/name>', 'the Gateway that it comes to (default: the one that has it)'),
    )
    .addOption(flag('--class <name>', 'the IngressClass whose Ingresses it is about'))
    .addOption(flag('--address <ip>', 'one of the addresses of the Gateway, in a cluster: chooses it'))
    .addOption(flag('-o, --output <format>', 'form of the result').choices(['json', 'yaml']))
    .addHelpText(
      'after',
      examples(
        ['fairlead route why https://shop.example/cart', 'in the cluster of this machine'],
        [
          "fairlead route why https://shop.example/ -H 'x-canary: always' -f examples/gateway",
          'without a cluster',
        ],
        [
          'kubectl get gateways,httproutes,svc -A -o yaml | fairlead route why POST http://a.example/v1 -f -',
          'on any cluster',
        ],
      ),
    )
    .action(async (method, url, flags) =>
      (await import('./route-why.ts')).routeWhyCommand(method, url, flags),
    );
}
