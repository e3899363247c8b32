/** agent.toml: every option, with its default and what it is for. Unknown keys are refused by name. */
import { dirname, resolve } from 'node:path';
import * as z from 'zod/mini';
import {
  bytes,
  ConfigError,
  duration,
  hostAddress,
  loadConfig,
  parseBytes,
  parseDuration,
} from '../shared/io/config.ts';
import { parseHours } from './hours.ts';

const OFFICE = z.string().check(z.regex(/^[a-z0-9-]{1,32}$/, 'an office name: a-z, 0-9 and -, at most 32'));

/** `192.168.7.0/24`; checked in full by the allow rules when the agent starts. */
const subnet = z.string().check(z.regex(/^[0-9A-Fa-f.:]+\/\d{1,3}$/, 'a subnet such as "192.168.7.0/24"'));

const LISTEN = z.strictObject({
  /** Where mail programs hand in mail. Beyond loopback only with passwords (`agent user add`) or `lan`. */
  smtp: z.optional(hostAddress),
  /** Where mail programs fetch mail. */
  pop3: z.optional(hostAddress),
  /** For a qmail beside the agent, or a hub that pushes. */
  qmtp: z.optional(hostAddress),
  /** The status page. */
  page: z.optional(hostAddress),
  /** Hosts of this subnet are trusted like this laptop itself: no password is asked for sending. */
  lan: z.optional(subnet),
});

const QUEUE = z.strictObject({
  /** A Maildir that another mail server fills, in serialmail's form. */
  path: z.string().check(z.minLength(1)),
  /** What its Delivered-To lines carry before the recipient. */
  prefix: z._default(z.string(), ''),
});

const MATCH = z.strictObject({
  /** The default route leaves by this interface. */
  interface: z.optional(z.string()),
  /** The default route goes to this address. */
  gateway: z.optional(z.string()),
  /** The wireless network has this name. */
  ssid: z.optional(z.string()),
  /** This program, with these arguments, exits with 0. */
  command: z.optional(z.array(z.string()).check(z.minLength(1))),
});

/** `300 KB/day`, `50/month`: so much in a day or in a month. */
const limitPer = (parse: (text: string) => number | undefined, example: string) =>
  z.pipe(
    z.string(),
    z.transform((text, context) => {
      const [, amountText = '', per] = /^(.*?)\s*\/\s*(day|month)$/.exec(text) ?? [];
      const amount = parse(amountText);
      if (amount !== undefined && (per === 'day' || per === 'month')) return { amount, per } as const;
      context.issues.push({
        code: 'custom',
        message: `expected so much a day or a month, such as ${example}`,
        input: text,
      });
      return z.NEVER;
    }),
  );

const parseMoney = (text: string): number | undefined =>
  /^\d{1,9}(\.\d{1,4})?$/.test(text) ? Number(text) : undefined;

/** One limit, or several that all hold. */
function limits(limit: ReturnType<typeof limitPer>) {
  return z.pipe(
    z.union([limit, z.array(limit)]),
    z.transform((value) => (Array.isArray(value) ? value : [value])),
  );
}

const budget = limits(limitPer(parseBytes, '"300 KB/day" or "5 MB/month"'));
const money = limits(limitPer(parseMoney, '"50/month"'));

const hours = z.pipe(
  z.string(),
  z.transform((text, context) => {
    const parsed = parseHours(text);
    if (parsed) return parsed;
    context.issues.push({ code: 'custom', message: 'expected hours of the day, such as "22:00-06:00"', input: text });
    return z.NEVER;
  }),
);

/** `off`, or seconds. */
const interval = z.pipe(
  z.string(),
  z.transform((text, context) => {
    if (text === 'off') return 0;
    const seconds = parseDuration(text);
    if (seconds !== undefined && seconds > 0) return seconds;
    context.issues.push({ code: 'custom', message: 'expected a time such as "30 min", or "off"', input: text });
    return z.NEVER;
  }),
);

const LINK = z.strictObject({
  name: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,32}$/, 'a link name: letters, digits, - and _, at most 32')),
  match: z.optional(MATCH),
  price_per_minute: z.optional(z.number().check(z.minimum(0))),
  price_per_mb: z.optional(z.number().check(z.minimum(0))),
  /** Larger mails, up and down, wait for a better link. */
  max_mail: z.optional(bytes),
  /** Bytes, both ways. */
  budget: z.optional(budget),
  /** Nothing is spent beyond it: a sync ends before. */
  money: z.optional(money),
  /** The least that a call costs once anything has travelled. */
  price_minimum: z.optional(z.number().check(z.minimum(0))),
  /** Time is charged in steps of this. */
  price_step: z.optional(duration),
  /** Bytes are charged from this on. */
  bytes_minimum: z.optional(bytes),
  /** Shown beside money. */
  currency: z.optional(z.string().check(z.maxLength(8))),
  /** Hours in which it may be used, by the laptop's time zone; default: always. */
  hours: z.optional(z.array(hours)),
  /** One side speaks at a time, as on HF radio: the line turns around as seldom as can be. */
  half_duplex: z.optional(z.boolean()),
  /** While it is up, nothing but the sync goes out through it. */
  firewall: z.optional(z.boolean()),
  /** Mail comes as plain text; the original stays at the hub, and can be asked for. */
  plain: z.optional(z.boolean()),
  /** `web`: ordinary HTTPS, for lines on which only the web passes. */
  via: z.optional(z.enum(['web'])),
  /** The proxy of such a line: `http://HOST:PORT`, `http://NAME:PASSWORD@HOST:PORT`. */
  proxy: z.optional(
    z.string().check(z.regex(/^http:\/\/[^/\s]+:\d{1,5}\/?$/, 'a proxy such as "http://10.0.0.1:3128"')),
  ),
  /** A file with the certificate of whoever signed the hub's, or the proxy's own; default: the public ones. */
  ca: z.optional(z.string().check(z.minLength(1))),
  /** `any`: none is looked at, for what travels is sealed all the same. Where the clock is wrong, or a proxy shows its own. */
  certificate: z.optional(z.enum(['any'])),
  /** This program, with these arguments, carries batches to the hub: `{file}` is the file, which else is on its standard input. */
  command: z.optional(z.array(z.string().check(z.minLength(1))).check(z.minLength(1))),
  /** The program is stopped after that. */
  command_timeout: z.optional(duration),
  /** Largest batch that is handed to it. */
  batch_max: z.optional(bytes.check(z.refine((size) => size >= 4_000, { error: 'expected 4 KB or more' }))),
  /** This program, with these arguments, brings the link up before a sync, and that one takes it down when it is done. */
  connect: z.optional(z.array(z.string().check(z.minLength(1))).check(z.minLength(1))),
  disconnect: z.optional(z.array(z.string().check(z.minLength(1))).check(z.minLength(1))),
  /** It is stopped after that. */
  connect_timeout: z.optional(duration),
  /** A folder in which a carrier leaves batches of the hub. */
  inbox: z.optional(z.string().check(z.minLength(1))),
  /** What was handed over is not sent otherwise for this long; default: as for sticks. */
  stick_wait: z.optional(duration),
});

const AGENT = z.strictObject({
  office: OFFICE,
  /** host:port of the hub's sync listener. */
  hub: hostAddress,
  /** Written by `agent enrol`; mode 600. */
  key_file: z._default(z.string(), 'agent.key'),
  data: z._default(z.string(), '/var/lib/fieldpost-agent'),
  /** How often the daemon calls the hub; after a failure it waits longer and longer, up to this. */
  interval: z.prefault(interval, '30 min'),
  /** A link on which no byte comes, and none of ours gets through, for this long is taken for cut: TCP itself may need two minutes to find back after a gap of one. */
  idle: z.prefault(duration, '3 min'),
  /** Whoever writes a mail here that waits for a better link is told so, once, with its price on each. */
  notes: z._default(z.boolean(), true),
  /** What is on a stick is not also sent over a link for this long. */
  stick_wait: z.prefault(duration, '7 days'),
  listen: z.prefault(LISTEN, {}),
  queue: z._default(z.array(QUEUE), []),
  link: z._default(z.array(LINK), []),
  limits: z.prefault(
    z.strictObject({
      /** Largest mail at any door. */
      mail: z.prefault(bytes, '100 MB'),
      connections: z._default(z.int().check(z.minimum(1), z.maximum(1000)), 50),
      /** Connections at once from one address, for each listener. */
      per_address: z._default(z.int().check(z.minimum(1), z.maximum(1000)), 25),
      recipients: z._default(z.int().check(z.minimum(1), z.maximum(50000)), 1000),
      idle: z.prefault(duration, '5 min'),
    }),
    {},
  ),
});

export type AgentConfig = z.infer<typeof AGENT> & { readonly file: string };
export type LinkConfig = AgentConfig['link'][number];
export type QueueConfig = AgentConfig['queue'][number];

/** Reads and checks agent.toml; throws ConfigError naming the field, the fault and the remedy. Paths become absolute. */
export function loadAgentConfig(file: string): AgentConfig {
  const config = loadConfig(file, AGENT);
  const names = config.link.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError(`${file}: link.name "${twice}" is used twice: give each link its own`);
  const both = config.link.find(({ via, command }) => via !== undefined && command !== undefined);
  if (both) throw new ConfigError(`${file}: link "${both.name}" has both via and command: make two links of it`);
  const shut = config.link.find(({ firewall, command }) => firewall === true && command !== undefined);
  if (shut)
    throw new ConfigError(
      `${file}: link "${shut.name}" has both firewall and command: the program would be shut out too`,
    );
  const beside = (path: string): string => resolve(dirname(file), path);
  return {
    ...config,
    file: resolve(file),
    key_file: beside(config.key_file),
    data: beside(config.data),
    queue: config.queue.map((queue) => ({ ...queue, path: beside(queue.path) })),
    link: config.link.map((link) => ({
      ...link,
      ...(link.inbox === undefined ? {} : { inbox: beside(link.inbox) }),
      ...(link.ca === undefined ? {} : { ca: beside(link.ca) }),
    })),
  };
}
