// `fairlead route why`: what comes of a request, and why.

import { readAsked } from '../gateway/why/asked.ts';
import { gatewayReport } from '../gateway/why/gateway-report.ts';
import { ingressReport } from '../gateway/why/ingress-report.ts';
import { reportText } from '../gateway/why/report-text.ts';
import { chooseSubject, type SubjectNames } from '../gateway/why/subject.ts';
import { printForMachine } from './output.ts';
import { loadRouteWorld, type RouteSources } from './route-input.ts';

interface WhyFlags extends RouteSources, SubjectNames {
  readonly header: readonly string[];
  readonly output?: string;
}

export async function routeWhyCommand(
  first: string,
  second: string | undefined,
  flags: WhyFlags,
): Promise<void> {
  const [method, url] = second === undefined ? ['GET', first] : [first, second];
  const asked = readAsked({ method, url, headers: flags.header });
  const { world, placeOf } = await loadRouteWorld(flags);
  const subject = chooseSubject(world, asked, flags);
  const report =
    subject.kind === 'gateway'
      ? gatewayReport(world, subject.gateway, asked, placeOf)
      : ingressReport(world, subject.ingressClass, asked, placeOf);
  if (!printForMachine(report, flags.output)) process.stdout.write(reportText(report));
}
