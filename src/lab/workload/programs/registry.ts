// The list of programs: from what a container is to the function that serves it.

import { FairleadError } from '../../../base/errors.ts';
import type { ProgramContext, StartProgram } from '../program.ts';
import type { Program } from '../workload-spec.ts';
import { connect } from './connect.ts';
import { echo } from './echo.ts';
import { fileServer, testWebserver } from './file-server.ts';
import { netexec } from './netexec.ts';
import { porter } from './porter.ts';
import { serveHostname } from './serve-hostname.ts';
import { sleepFor } from './sleep.ts';
import {
  dnsServerList,
  dnsSuffix,
  entrypointTester,
  etcHosts,
  grpcHealthChecking,
  liveness,
  logsGenerator,
  tcpReset,
} from './small-commands.ts';
import { standIn } from './stand-in.ts';

/** agnhost's commands by name. */
const AGNHOST: ReadonlyMap<string, StartProgram> = new Map<string, StartProgram>([
  ['connect', connect],
  ['dns-server-list', dnsServerList],
  ['dns-suffix', dnsSuffix],
  ['entrypoint-tester', entrypointTester],
  ['etc-hosts', etcHosts],
  ['grpc-health-checking', grpcHealthChecking],
  ['liveness', liveness],
  ['logs-generator', logsGenerator],
  ['netexec', netexec],
  ['pause', (context) => sleepFor(context, undefined)],
  ['porter', porter],
  ['serve-hostname', serveHostname],
  ['tcp-reset', tcpReset],
  ['test-webserver', testWebserver],
]);

/** Starts the program; see `StartProgram` for how it ends. */
export function startProgram(context: ProgramContext, program: Program): Promise<void> {
  switch (program.kind) {
    case 'agnhost':
      return startAgnhost(context, program.command, program.args);
    case 'sleep':
      return sleepFor(context, program.seconds);
    case 'echo':
      return echo(context, program);
    case 'web':
      return fileServer(context, program);
    case 'stand-in':
      return standIn(context, program.endsAtOnce);
    default:
      return Promise.reject(
        new FairleadError('invalid', `Cannot start program: ${String(program satisfies never)}`),
      );
  }
}

function startAgnhost(context: ProgramContext, command: string, args: readonly string[]): Promise<void> {
  const start = AGNHOST.get(command);
  if (start === undefined) {
    const known = [...AGNHOST.keys()].sort().join(', ');
    return Promise.reject(
      new FairleadError('unsupported', `Cannot run agnhost ${command}: this workload knows ${known}`),
    );
  }
  return start(context, args);
}
