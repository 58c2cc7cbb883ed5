// The rows of the Service contract. Pods are client (.10), a (.11) and b (.12); each listens on port 8080 of its addresses, TCP and UDP,
// and says its name. The node does so on 10.96.0.53 and fd96::53.

export interface FrontendText {
  readonly at: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly endpoints: readonly string[];
  readonly affinityTimeoutS?: number;
  readonly isNodeLocal?: boolean;
}

export interface PacketRow {
  readonly from: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly to: string;
  /** Who answers over many tries, sorted; the client must see the address it sent to as the one that answers. */
  readonly expect: readonly string[] | 'refused' | 'nobody' | 'always the same';
  /** A socket of this name that stays open from packet to packet: TCP a connection, UDP a port. */
  readonly socket?: string;
  /** UDP alone: the socket is connected. */
  readonly isConnected?: boolean;
}

export interface ServiceRow {
  readonly name: string;
  readonly steps: readonly {
    readonly frontends: readonly FrontendText[];
    readonly packets: readonly PacketRow[];
  }[];
}

interface FamilyText {
  readonly name: string;
  readonly vip: string;
  readonly otherVip: string;
  readonly node: string;
  readonly client: string;
  readonly a: string;
  readonly b: string;
}

const FAMILIES: readonly FamilyText[] = [
  {
    name: 'IPv4',
    vip: '10.96.0.10',
    otherVip: '10.96.0.11',
    node: '10.96.0.53',
    client: '10.77.0.10:8080',
    a: '10.77.0.11:8080',
    b: '10.77.0.12:8080',
  },
  {
    name: 'IPv6',
    vip: '[fd96::10]',
    otherVip: '[fd96::11]',
    node: '[fd96::53]',
    client: '[fd77::10]:8080',
    a: '[fd77::11]:8080',
    b: '[fd77::12]:8080',
  },
];

const TRANSPORTS = ['TCP', 'UDP'] as const;

export const SERVICE_ROWS: readonly ServiceRow[] = FAMILIES.flatMap((family) =>
  TRANSPORTS.flatMap((protocol) => [...balancingRows(family, protocol), ...changeRows(family, protocol)]),
);

function balancingRows(family: FamilyText, protocol: 'TCP' | 'UDP'): readonly ServiceRow[] {
  const { vip, otherVip, node, a, b, client } = family;
  const about = `${protocol} over ${family.name}`;
  const from = { from: 'client', protocol } as const;
  const frontend = (at: string, ...endpoints: readonly string[]): FrontendText => ({
    at,
    protocol,
    endpoints,
  });
  const other = protocol === 'TCP' ? 'UDP' : 'TCP';
  return [
    {
      name: `${about}: a frontend is spread over all its endpoints`,
      steps: [
        {
          frontends: [frontend(`${vip}:80`, a, b)],
          packets: [{ ...from, to: `${vip}:80`, expect: ['a', 'b'] }],
        },
      ],
    },
    {
      name: `${about}: without endpoints it refuses at once`,
      steps: [
        { frontends: [frontend(`${vip}:80`)], packets: [{ ...from, to: `${vip}:80`, expect: 'refused' }] },
      ],
    },
    {
      name: `${about}: an unused port of a Service address refuses at once`,
      steps: [
        { frontends: [frontend(`${vip}:80`, a)], packets: [{ ...from, to: `${vip}:81`, expect: 'refused' }] },
      ],
    },
    {
      name: `${about}: frontends of one address differ by port and protocol`,
      steps: [
        {
          frontends: [
            frontend(`${vip}:80`, a),
            frontend(`${vip}:81`, b),
            { at: `${vip}:80`, protocol: other, endpoints: [b] },
          ],
          packets: [
            { ...from, to: `${vip}:80`, expect: ['a'] },
            { ...from, to: `${vip}:81`, expect: ['b'] },
            { from: 'client', protocol: other, to: `${vip}:80`, expect: ['b'] },
          ],
        },
      ],
    },
    {
      name: `${about}: one endpoint behind two Services answers as each`,
      steps: [
        {
          frontends: [frontend(`${vip}:80`, a), frontend(`${otherVip}:80`, a)],
          packets: [
            { ...from, to: `${vip}:80`, expect: ['a'] },
            { ...from, to: `${otherVip}:80`, expect: ['a'] },
            { ...from, to: a, expect: ['a'] },
          ],
        },
      ],
    },
    {
      name: `${about}: a pod reaches itself by its Service`,
      steps: [
        {
          frontends: [frontend(`${vip}:80`, client)],
          packets: [{ ...from, to: `${vip}:80`, expect: ['client'] }],
        },
      ],
    },
    {
      name: `${about}: a client with affinity stays with its endpoint`,
      steps: [
        {
          frontends: [{ ...frontend(`${vip}:80`, a, b), affinityTimeoutS: 60 }],
          packets: [{ ...from, to: `${vip}:80`, expect: 'always the same' }],
        },
      ],
    },
    {
      name: `${about}: what the node serves itself is left to it`,
      steps: [
        {
          frontends: [{ ...frontend(`${node}:8080`, a), isNodeLocal: true }, frontend(`${node}:9153`, b)],
          packets: [
            { ...from, to: `${node}:8080`, expect: ['node'] },
            { ...from, to: `${node}:9153`, expect: ['b'] },
          ],
        },
      ],
    },
    {
      name: `${about}: other addresses are left alone`,
      steps: [{ frontends: [frontend(`${vip}:8080`, a)], packets: [{ ...from, to: b, expect: ['b'] }] }],
    },
  ];
}

function changeRows(family: FamilyText, protocol: 'TCP' | 'UDP'): readonly ServiceRow[] {
  const { vip, a, b } = family;
  const about = `${protocol} over ${family.name}`;
  const packet = { from: 'client', protocol, to: `${vip}:80` } as const;
  const frontend = (...endpoints: readonly string[]): FrontendText => ({
    at: `${vip}:80`,
    protocol,
    endpoints,
  });
  const held = { ...packet, socket: 'held' } as const;
  const connected = { ...held, isConnected: true };
  return [
    ...(protocol === 'TCP'
      ? []
      : [
          {
            name: `${about}: a connected socket of a pod leaves an endpoint that is none any more`,
            steps: [
              { frontends: [frontend(a)], packets: [{ ...connected, expect: ['a'] }] },
              { frontends: [frontend(a, b)], packets: [{ ...connected, expect: ['a'] }] },
              { frontends: [frontend(b)], packets: [{ ...connected, expect: ['b'] }] },
            ],
          },
        ]),
    {
      name: `${about}: new flows follow a change of endpoints at once`,
      steps: [
        { frontends: [frontend(a)], packets: [{ ...packet, expect: ['a'] }] },
        { frontends: [frontend(b)], packets: [{ ...packet, expect: ['b'] }] },
        { frontends: [frontend()], packets: [{ ...packet, expect: 'refused' }] },
        { frontends: [frontend(a)], packets: [{ ...packet, expect: ['a'] }] },
      ],
    },
    {
      name:
        protocol === 'TCP'
          ? `${about}: a connection outlives its endpoint's place in the Service`
          : `${about}: a socket leaves an endpoint that is none any more`,
      steps: [
        { frontends: [frontend(a)], packets: [{ ...held, expect: ['a'] }] },
        { frontends: [frontend(a, b)], packets: [{ ...held, expect: ['a'] }] },
        { frontends: [frontend(b)], packets: [{ ...held, expect: [protocol === 'TCP' ? 'a' : 'b'] }] },
      ],
    },
    {
      name: `${about}: a client with affinity leaves an endpoint that is none any more`,
      steps: [
        { frontends: [{ ...frontend(a), affinityTimeoutS: 60 }], packets: [{ ...packet, expect: ['a'] }] },
        { frontends: [{ ...frontend(b), affinityTimeoutS: 60 }], packets: [{ ...packet, expect: ['b'] }] },
        { frontends: [{ ...frontend(a, b), affinityTimeoutS: 60 }], packets: [{ ...packet, expect: ['b'] }] },
      ],
    },
    {
      name: `${about}: a Service that is gone answers nobody, others stay`,
      steps: [
        {
          frontends: [frontend(a), { at: a.replace('8080', '80'), protocol, endpoints: [b] }],
          packets: [{ ...packet, expect: ['a'] }],
        },
        {
          frontends: [{ at: a.replace('8080', '80'), protocol, endpoints: [b] }],
          packets: [
            { ...packet, expect: 'nobody', socket: 'gone' },
            { ...packet, to: a.replace('8080', '80'), expect: ['b'] },
          ],
        },
      ],
    },
  ];
}
