// Corefiles that clusters have -> what the DNS process is told, and what is said of the rest.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { damagedText } from '../../../test/support/damaged.ts';
import { parseDnsConfig } from '../config.ts';
import { findingText } from './finding.ts';
import { readCorefile, type CorefileReading } from './read-corefile.ts';

function read(text: string): CorefileReading {
  return readCorefile({ file: 'Corefile', text, variables: {}, clusterDomain: 'cluster.local' });
}

/** What is said, without what is done in another way. */
function complaints(text: string): readonly string[] {
  return read(text)
    .findings.filter(({ level }) => level !== 'note')
    .map(findingText);
}

/** What the process is told beside a Corefile. */
const OWN = { listen: ['10.96.0.10'], zoneFile: '/z', feedSocket: '/f', clusterDomain: 'cluster.local' };

/** As kubeadm writes it. */
const KUBEADM = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;

const KUBEADM_CACHE = { success: { minS: 5, maxS: 30 }, denial: { minS: 5, maxS: 30 }, servfailS: 5 };

test('readCorefile() takes what kubeadm writes without a complaint', () => {
  const { settings, zones, findings } = read(KUBEADM);
  assert.deepEqual(settings, {
    forward: [{ zone: '.', upstreams: 'host' }],
    overrides: [],
    cache: KUBEADM_CACHE,
    pods: 'insecure',
    ttlS: 30,
    maxInFlight: 1000,
  });
  assert.deepEqual(zones, [
    {
      zone: '.',
      words: [
        'names of cluster.local are answered from the cluster, kept for 30 s',
        'answers of others are kept for 30 s, denials for 30 s at most',
        `names of "." are asked of the host's nameservers`,
      ],
    },
  ]);
  assert.deepEqual(findings.map(findingText), [
    "Corefile:12:5: note: prometheus: metrics are served where the process' configuration says (metricsPort), under the same names",
  ]);
});

const STUBS = `(common) {
  errors
  cache {
    success 5000 600 10
    denial 2500 60
    prefetch 10 2m 20%
    serve_stale 2h verify 1s
    servfail 2s
  }
}
.:53 {
  import common
  kubernetes cluster.local {
    pods verified
  }
  autopath @kubernetes
  hosts {
    10.0.0.1 printer.corp printer
    fd00::1 printer.corp
    ttl 60
    fallthrough
  }
  rewrite stop {
    name regex (.*)\\.old\\.example {1}.new.example
    answer name (.*)\\.new\\.example {1}.old.example
  }
  rewrite continue ttl suffix .new.example 15-30
  rewrite name shop.example.com web.shop.svc.cluster.local
  forward lab.example 10.1.0.1 10.1.0.2:5353 {
    policy sequential
    except public.lab.example
    max_fails 0
    force_tcp
  }
  forward . tls://9.9.9.9 tls://149.112.112.112 {
    tls_servername dns.quad9.net
    health_check 5s
  }
}
corp.example consul.:53 {
  import common
  forward . 10.2.0.1 {
    except www.corp.example
  }
}
10.0.0.0/8 {
  import common
  forward . dns://10.3.0.1
}
`;

test('readCorefile() takes stub zones, hosts lines, rewrites and every option of the cache', () => {
  const { settings } = read(STUBS);
  assert.deepEqual(complaints(STUBS), [
    'Corefile:14:5: warning: any address has a name, whether a pod has it or not; write pods insecure',
  ]);
  assert.ok(settings);
  assert.deepEqual(settings.cache, {
    success: { minS: 10, maxS: 600 },
    denial: { minS: 5, maxS: 60 },
    servfailS: 2,
    prefetch: { amount: 10, gapS: 120, percent: 20 },
    serveStale: { forS: 7200, mode: 'verify', verifyMs: 1000 },
  });
  assert.deepEqual(settings.forward, [
    {
      zone: 'lab.example',
      upstreams: ['10.1.0.1', '10.1.0.2:5353'],
      policy: 'sequential',
      except: ['public.lab.example'],
      maxFails: 0,
      forceTcp: true,
    },
    {
      zone: '.',
      upstreams: ['tls://9.9.9.9', 'tls://149.112.112.112'],
      tlsServerName: 'dns.quad9.net',
      healthCheckMs: 5000,
    },
    { zone: 'corp.example', upstreams: ['10.2.0.1'], except: ['www.corp.example'] },
    { zone: 'consul', upstreams: ['10.2.0.1'], except: ['www.corp.example'] },
    { zone: '10.in-addr.arpa', upstreams: ['10.3.0.1'] },
    { zone: 'www.corp.example', upstreams: [] },
  ]);
  assert.deepEqual(settings.overrides?.[0], {
    zone: '.',
    rewrite: [
      {
        match: 'regex',
        from: '(.*)\\.old\\.example',
        to: '{1}.new.example',
        answers: [{ from: '(.*)\\.new\\.example', to: '{1}.old.example' }],
        continues: false,
      },
      { match: 'suffix', from: '.new.example', ttlS: [15, 30], continues: true },
      {
        match: 'exact',
        from: 'shop.example.com',
        to: 'web.shop.svc.cluster.local',
        answers: [],
        continues: false,
      },
    ],
    hosts: {
      zones: ['.'],
      lines: ['10.0.0.1 printer.corp printer', 'fd00::1 printer.corp'],
      ttlS: 60,
      fallthrough: ['.'],
    },
  });
  const others = settings.overrides?.slice(1);
  assert.deepEqual(others, [
    { zone: 'corp.example', rewrite: [] },
    { zone: 'consul', rewrite: [] },
    { zone: '10.in-addr.arpa', rewrite: [] },
  ]);
});

test('readCorefile() sends names of no block, and of blocks without forward, to nobody', () => {
  const { settings } = read(
    'cluster.local {\n kubernetes\n}\nlocal.example {\n hosts {\n 10.0.0.1 a.local.example\n }\n}',
  );
  assert.deepEqual(settings?.forward, [
    { zone: 'local.example', upstreams: [] },
    { zone: '.', upstreams: [] },
  ]);
  assert.deepEqual(settings.cache, { bytes: 0 });
});

/** A block of the root with these lines, from line 2 on; the cluster's names are in it. */
const inRoot = (...lines: readonly string[]): string =>
  `. {\n${lines.map((it) => ` ${it}\n`).join('')} kubernetes cluster.local\n forward . 192.0.2.1\n}\n`;

for (const [directive, pods] of [
  ['kubernetes cluster.local', 'disabled'],
  ['kubernetes cluster.local {\n pods disabled\n}', 'disabled'],
  ['kubernetes cluster.local {\n pods insecure\n}', 'insecure'],
  ['kubernetes cluster.local {\n pods verified\n}', 'insecure'],
  ['kubernetes 10.0.0.0/8', undefined],
  ['errors', undefined],
] as const)
  test(`readCorefile() of "${directive.replaceAll('\n', '')}": names of pods are ${pods ?? 'left as they are'}`, () => {
    assert.equal(read(`. {\n${directive}\nforward . 192.0.2.1\n}\n`).settings?.pods, pods);
  });

test('readCorefile() takes log by block: names, format and classes, and a block without it logs nothing', () => {
  const { settings } = read(
    `${inRoot('log', 'log a.example b.example "{remote} {name}" {', 'class denial error', '}')}corp.example {\n}\n`,
  );
  assert.deepEqual(settings?.queryLog, [
    {
      zone: '.',
      rules: [
        {},
        { names: ['a.example', 'b.example'], format: '{remote} {name}', classes: ['denial', 'error'] },
      ],
    },
    { zone: 'corp.example', rules: [] },
  ]);
  assert.equal(read(inRoot()).settings?.queryLog, undefined);
});

const COMPLAINTS: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'an unknown directive',
    inRoot('magic on'),
    ['Corefile:2:2: error: "magic" is no directive that is known here; take it away'],
  ],
  [
    'a directive that cannot be done',
    inRoot('template ANY ANY {', ' rcode NXDOMAIN', '}'),
    [
      'Corefile:2:2: error: template: answers are not made by a template; write lines of hosts or a rewrite, where they do',
    ],
  ],
  [
    'one that changes no answer',
    inRoot('chaos'),
    ['Corefile:2:2: warning: chaos: questions of class CH are refused; take it away'],
  ],
  [
    'a log of what is not known',
    inRoot('log . "{name} {local} {/forward/upstream}" {', 'class', 'class none', 'colour red', '}'),
    [
      'Corefile:2:8: warning: {local} is not known here: "-" is written; take it away',
      'Corefile:2:8: warning: {/forward/upstream} is not known here: "-" is written; take it away',
      'Corefile:3:2: error: class names no class; write all, success, denial, error',
      'Corefile:4:8: error: "none" is not one of all, success, denial, error; write one of all, success, denial, error',
      'Corefile:5:2: error: log has no option "colour" here; take it away (known: class)',
    ],
  ],
  [
    'a name of an object of JavaScript',
    inRoot('constructor', 'cache {', 'toString', '}'),
    [
      'Corefile:2:2: error: "constructor" is no directive that is known here; take it away',
      'Corefile:4:2: error: cache has no option "toString" here; take it away (known: success, denial, servfail, prefetch, serve_stale, disable, keepttl)',
    ],
  ],
  [
    'upstreams that cannot be asked',
    inRoot(
      'forward a.example https://192.0.2.1',
      'forward b.example dns.example',
      'forward c.example /etc/dns.conf',
      'forward d.example',
    ),
    [
      'Corefile:2:20: error: "https://192.0.2.1" cannot be asked; ask it by tls:// or plainly',
      'Corefile:3:20: error: "dns.example" cannot be asked; write its address: names are not looked up for this',
      'Corefile:4:20: error: "/etc/dns.conf" cannot be asked; write the addresses that the file holds: only /etc/resolv.conf is read',
      'Corefile:5:2: error: forward names no upstream; write forward ZONE ADDRESS...',
    ],
  ],
  [
    'options of forward',
    inRoot(
      'forward a.example 192.0.2.1 {',
      'next NXDOMAIN',
      'failover SERVFAIL NXDOMAIN',
      'policy fastest',
      'tls a b c',
      '}',
    ),
    [
      'Corefile:3:2: error: an answer is not tried elsewhere; take it away',
      'Corefile:4:20: error: no other upstream is asked after NXDOMAIN; take it away: SERVFAIL, REFUSED and NOTIMP are failed over in any case',
      'Corefile:5:9: error: "fastest" is not a policy; write a policy',
      'Corefile:6:2: error: certificates of clients are not shown to upstreams; write tls [CA]',
    ],
  ],
  [
    'names that certificates cannot all have',
    inRoot('forward a.example tls://192.0.2.1%a tls://192.0.2.2%b:853'),
    [
      'Corefile:2:2: error: certificates of several names: a and b; forward to one of them here, and to the others for zones of their own',
    ],
  ],
  [
    'zones that are forwarded twice, or never come there',
    '. {\n kubernetes cluster.local\n forward . 192.0.2.1\n forward a.example 192.0.2.2\n}\nb.example {\n forward c.example 192.0.2.3\n}\n. {\n forward . 192.0.2.4\n}',
    [
      'Corefile:4:2: warning: names of "a.example" are asked here, where CoreDNS stops at line 3; put it before that line',
      'Corefile:7:2: warning: names of "c.example" never come to the block of "b.example"; take it away',
      'Corefile:9:1: error: zone "." has a block already; put the two together',
      'Corefile:10:2: error: zone "." is forwarded twice; put the addresses into one forward',
    ],
  ],
  [
    "forwards of the cluster's own names",
    inRoot('forward x.cluster.local 192.0.2.2'),
    [
      'Corefile:2:2: error: names below "cluster.local" are answered from the cluster, never forwarded; forward a zone elsewhere',
    ],
  ],
  [
    'options of kubernetes',
    '. {\n kubernetes other.local cluster.local {\n  namespaces a\n  fallthrough\n  ttl 4000\n  pods maybe\n }\n forward . 192.0.2.1\n}',
    [
      'Corefile:2:2: error: names of the cluster are not answered below "other.local"; write cluster.local, the domain of this cluster',
      'Corefile:3:3: error: names of all namespaces are answered; take it away',
      'Corefile:4:3: error: names that cluster.local lacks are not asked for elsewhere; write fallthrough in-addr.arpa ip6.arpa',
      'Corefile:5:7: error: "4000" is not a number of seconds up to 3600; write a number of seconds up to 3600',
      'Corefile:6:8: error: "maybe" is not disabled, insecure or verified; write disabled, insecure or verified',
    ],
  ],
  [
    'rewrites',
    inRoot(
      'rewrite type ANY HINFO',
      'rewrite name regex (a+)+ b',
      'rewrite name a',
      'rewrite stop name exact a b answer value c d',
    ),
    [
      'Corefile:2:10: error: "type" is not rewritten; take it away: name and ttl are',
      'Corefile:3:10: error: Cannot read configuration: from: Cannot read "(a+)+": no regular expression that all engines read alike, or one that may take for ever; write it in another way',
      'Corefile:4:10: error: a name rule without its two names; write name [MATCH] FROM TO',
      'Corefile:5:30: error: no rule for answers; write answer name FROM TO, or answer auto',
    ],
  ],
  [
    'hosts',
    inRoot('hosts custom.db', 'hosts {', ' 10.0.0.1 a', ' bogus', '}'),
    [
      'Corefile:2:8: error: a path without a start; write it from the root, or write the lines here',
      'Corefile:3:2: error: hosts is there twice in its block; put the lines together',
    ],
  ],
  [
    'ports and schemes of blocks',
    `${inRoot()}a:5353 {\n}\ntls://b {\n}\n10.1.0.0/17 {\n}\na..b {\n}`,
    [
      'Corefile:5:1: error: port 5353 is not listened on; take the block away, or its port for that of the cluster DNS',
      'Corefile:7:1: error: clients are answered by UDP and TCP alone, not tls; take the block away',
      'Corefile:9:1: error: a prefix within an octet; write the reverse zones',
      'Corefile:11:1: error: "a..b" is no zone; write a name',
    ],
  ],
  [
    'a file without the cluster',
    '. {\n forward . 192.0.2.1\n}',
    [
      'Corefile:1:1: warning: names of cluster.local are answered from the cluster all the same; add kubernetes cluster.local',
    ],
  ],
  [
    'caches that differ',
    `${inRoot('cache 30')}a.example {\n cache 60\n forward . 192.0.2.2\n}`,
    [
      'Corefile:7:2: warning: answers of all zones are kept as line 2 says; write the same in both, or take one away',
    ],
  ],
  [
    'what is no Corefile',
    '. {',
    ['Corefile:1:3: error: the file ends before the "}" of line 1; add what is missing'],
  ],
];
for (const [name, text, expected] of COMPLAINTS) {
  test(`readCorefile() complains of ${name}`, () => {
    assert.deepEqual(complaints(text), expected);
    assert.equal(
      read(text).settings === undefined,
      expected.some((it) => it.includes(' error: ')),
    );
  });
}

test('readCorefile() brings numbers within what the configuration takes', () => {
  const block =
    'success 1 999999999 999999999\n prefetch 999999999 9999h\n serve_stale 9999h verify 9999h\n servfail 9h';
  const forward =
    'forward a.example 192.0.2.1 {\n max_fails 999\n health_check 1ns\n max_concurrent 999999\n }';
  const { settings, findings } = read(inRoot(`cache {\n ${block}\n }`, forward));
  assert.deepEqual(
    findings.filter(({ level }) => level === 'error'),
    [],
  );
  assert.ok(parseDnsConfig({ ...OWN, ...settings }));
});

test('readCorefile() reads any text, and what it makes of one is a configuration', () => {
  const places = fc.oneof(damagedText(KUBEADM, 4), damagedText(STUBS, 4), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(places, (text) => {
      const { settings, findings } = read(text);
      for (const { place } of findings) assert.ok(place.line >= 1 && place.column >= 1);
      if (settings !== undefined) parseDnsConfig({ ...OWN, ...settings });
    }),
    { numRuns: 1000 },
  );
});
