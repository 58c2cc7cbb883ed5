// `fairlead route why`: what comes of a request, and why.

import { readAsked } from '../gateway/why/asked.ts';
import { chooseGateway } from '../gateway/why/choose-gateway.ts';
import { gatewayReport } from '../gateway/why/gateway-report.ts';
import { reportText } from '../gateway/why/report-text.ts';
import { printForMachine } from './output.ts';
import { loadRouteWorld, type RouteSources } from './route-input.ts';

interface WhyFlags extends RouteSources {
  readonly header: readonly string[];
  readonly gateway?: string;
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
  const gateway = chooseGateway(world, asked, flags.gateway);
  const report = gatewayReport(world, gateway, asked, placeOf);
  if (!printForMachine(report, flags.output)) process.stdout.write(reportText(report));
}
