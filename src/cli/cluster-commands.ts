// The commands around a one-machine cluster: names, flags, examples. What they do is in files of their own, loaded when asked for.

import { Argument, type Command } from 'commander';
import {
  durationFlag,
  examples,
  filenameFlag,
  flag,
  iptablesFlavourFlag,
  nameFlag,
  namespaceFlag,
  networkFlag,
  outputFlag,
  parseCount,
  parseList,
  parsePortFlag,
  quietFlag,
} from './flags.ts';

export function addClusterCommands(program: Command): void {
  addUp(program);
  addDown(program);
  addStatus(program);
  addServiceCommands(program);
  addBalancer(program);
  addConnectivity(program);
  addMachineCommands(program);
  program
    .command('supervisor', { hidden: true })
    .requiredOption('--name <name>', 'name of the cluster')
    .action(async (options) => (await import('./supervisor.ts')).supervisorCommand(options));
}

function addUp(program: Command): void {
  program
    .command('up')
    .description('Raise a cluster on this machine, apply manifests, wait until all is ready, and prove it')
    .addOption(filenameFlag())
    .addOption(nameFlag())
    .addOption(flag('--nodes <count>', 'number of nodes (default: 3)').argParser(parseCount))
    .addOption(networkFlag())
    .addOption(flag('--proxy <backend>', 'what carries Services; a cluster that exists changes to it'))
    .addOption(
      flag('--xdp <mode>', 'native: flows of outside clients go on in the uplinks’ drivers; off (default)'),
    )
    .addOption(
      flag('--pod-cidr <prefixes>', 'pod prefixes (default: 10.244.0.0/16,fd00:10:244::/56)').argParser(
        parseList,
      ),
    )
    .addOption(
      flag(
        '--service-cidr <prefixes>',
        'Service prefixes (default: 10.96.0.0/16,fd00:10:96::/112)',
      ).argParser(parseList),
    )
    .addOption(
      flag(
        '--load-balancer-cidr <prefixes>',
        "addresses for Services of type LoadBalancer (default: a range of the cluster's own in 10.90.0.0/16,fd00:10:90::/48)",
      ).argParser(parseList),
    )
    .addOption(
      flag(
        '--node-port-addresses <prefixes>',
        "which of a node's addresses serve node ports (default: its first of each family)",
      ).argParser(parseList),
    )
    .addOption(flag('--node-local-dns', 'nodes answer names at 169.254.20.10 and fd00:169:254:20::a, too'))
    .addOption(flag('--allow-external-ips', 'nodes carry spec.externalIPs of Services'))
    .addOption(iptablesFlavourFlag())
    .addOption(
      durationFlag('--wait <duration>', 'how long to wait until all is ready', { ms: 120_000, text: '2m' }),
    )
    .addOption(flag('--no-check', 'leave out the connectivity check and the tests of policies at the end'))
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead up', 'three nodes and nothing on them'],
        ['fairlead up -f examples/shop', 'the same with your manifests; again: only what differs is applied'],
        [
          'fairlead up -f examples/shop -f examples/policies',
          'under policies, held to their tests by packets',
        ],
        ['kubectl kustomize . | fairlead up -f -', 'manifests from another program'],
        ['fairlead up --name two --nodes 1 --pod-cidr 10.50.0.0/16', 'a second cluster beside the first'],
      ),
    )
    .action(async (options) => (await import('./up.ts')).upCommand(options));
}

function addDown(program: Command): void {
  program
    .command('down')
    .description('Take the cluster away with everything in it and leave the machine as it was')
    .addOption(nameFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addHelpText('after', examples(['fairlead down --name two', 'also what an interrupted up or down left']))
    .action(async (options) => (await import('./down.ts')).downCommand(options));
}

function addStatus(program: Command): void {
  program
    .command('status')
    .description('Show what runs, what is programmed in each kernel, and what is not right')
    .addOption(nameFlag())
    .addOption(flag('--wait', 'wait until everything is right', 'STATUS_WAIT'))
    .addOption(durationFlag('--wait-duration <duration>', 'how long to wait', { ms: 60_000, text: '1m' }))
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead status -o wide', 'with every process and every kernel table'],
        ['fairlead status --wait', 'for scripts: exit code 0 once all is well, 124 when it is not in time'],
      ),
    )
    .action(async (options) => (await import('./status.ts')).statusCommand(options));
}

function addBalancer(program: Command): void {
  program
    .command('balancer')
    .description(
      'Balance a Service from this machine, as the load balancer of a cloud would, until interrupted',
    )
    .argument('<service>', 'NAME or NAMESPACE/NAME')
    .addOption(nameFlag())
    .addOption(
      flag('--port <number>', "which of the Service's TCP ports (default: the first)").argParser(
        parsePortFlag,
      ),
    )
    .addOption(
      flag('--listen <place>', 'address and port, or a port; 0 is any').default('0', 'any port of 127.0.0.1'),
    )
    .addOption(durationFlag('--interval <duration>', 'how often nodes are asked', { ms: 500, text: '500ms' }))
    .addOption(outputFlag())
    .addHelpText(
      'after',
      examples(['fairlead balancer shop/web --listen 8080', 'then drain a node: curl goes on at port 8080']),
    )
    .action(async (service, options) => (await import('./balancer.ts')).balancerCommand(service, options));
}

function addServiceCommands(program: Command): void {
  program
    .command('set')
    .description('Change a setting of a running cluster; returns when every node lives by it')
    .argument(
      '<setting>',
      'proxy=<backend>: what carries Services; policy=<backend>: what keeps pods to policies; xdp=native|off: who carries flows of outside clients',
    )
    .addOption(nameFlag())
    .addOption(
      durationFlag('--timeout <duration>', 'how long to wait for the nodes', { ms: 60_000, text: '1m' }),
    )
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addHelpText(
      'after',
      examples(
        ['fairlead set proxy=ebpf', 'open connections live on, new ones do not notice'],
        ['fairlead set xdp=native', 'flows of outside clients go on in the uplinks’ drivers (eBPF alone)'],
      ),
    )
    .action(async (setting, options) => (await import('./set.ts')).setCommand(setting, options));
  program
    .command('wait')
    .description('Wait until every node has something in its kernel')
    .argument('<object>', 'service/NAME or service/NAMESPACE/NAME')
    .addOption(flag('--for <state>', 'what to wait for').choices(['programmed']).default('programmed'))
    .addOption(namespaceFlag())
    .addOption(nameFlag())
    .addOption(durationFlag('--timeout <duration>', 'how long to wait', { ms: 30_000, text: '30s' }))
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addHelpText(
      'after',
      examples(['fairlead wait --for=programmed service/web -n shop', 'for scripts and CI']),
    )
    .action(async (object, options) => (await import('./wait.ts')).waitCommand(object, options));
  program
    .command('service')
    .description('Look into the kernels for a Service')
    .command('show')
    .description(
      'Show what each node has in its kernel for a Service, since when, for which state of the API',
    )
    .argument('<service>', 'NAME or NAMESPACE/NAME')
    .addOption(namespaceFlag())
    .addOption(nameFlag())
    .addOption(outputFlag())
    .addHelpText('after', examples(['fairlead service show shop/web -o wide', 'with the entries themselves']))
    .action(async (service, options) => (await import('./service.ts')).serviceShowCommand(service, options));
}

function addConnectivity(program: Command): void {
  program
    .command('connectivity')
    .description('Prove connectivity with real packets')
    .command('test')
    .description('Reach every port of every Service by name from every pod, across nodes')
    .addOption(nameFlag())
    .addOption(durationFlag('--timeout <duration>', 'for one connection', { ms: 3_000, text: '3s' }))
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addHelpText('after', examples(['fairlead connectivity test -o wide', 'with a line for every Service']))
    .action(async (options) => (await import('./connectivity.ts')).connectivityCommand(options));
}

function addMachineCommands(program: Command): void {
  program
    .command('doctor')
    .description('Name what this kernel and machine lack, and which features fall away for it')
    .addOption(outputFlag())
    .action(async (options) => (await import('./doctor.ts')).doctorCommand(options));
  program
    .command('version')
    .description('Show the versions of Fairlead, Node and the kernel')
    .addOption(outputFlag())
    .action(async (options) => (await import('./version.ts')).versionCommand(options));
  program
    .command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'the shell it is for').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      examples(
        ['source <(fairlead completion bash)', 'for this shell; put it into ~/.bashrc to keep it'],
        ['fairlead completion zsh > "${fpath[1]}/_fairlead"', ''],
        ['fairlead completion fish > ~/.config/fish/completions/fairlead.fish', ''],
      ),
    )
    .action(async (shell: string) => (await import('./completion.ts')).completionCommand(program, shell));
}
