/** hub.toml: every option, with its default and what it is for. Unknown keys are refused by name. */
import { dirname, resolve } from 'node:path';
import * as z from 'zod/mini';
import { address, bytes, duration, hostAddress, loadConfig } from '../shared/io/config.ts';

const STORE = z.union([
  z.strictObject({ path: z.string().check(z.minLength(1)) }),
  z.strictObject({
    bucket: z.string().check(z.minLength(3)),
    /** Leave out for AWS. */
    endpoint: z.optional(z.url()),
    region: z._default(z.string(), 'us-east-1'),
    /** Puts all keys below this folder of the bucket. */
    prefix: z._default(z.string(), ''),
    path_style: z._default(z.boolean(), true),
  }),
]);

const LISTEN = z.strictObject({
  /** Offices sync here: TLS with their own key; browsers get the certificate of [tls]. */
  sync: z.optional(hostAddress),
  /** QMTP without TLS: strangers to our own recipients, [[allow]] hosts to anybody. */
  qmtp: z.optional(hostAddress),
  /** QMTP inside TLS with an office's key. */
  qmtps: z.optional(hostAddress),
  smtp: z.optional(hostAddress),
  /** Where people of headquarters hand in mail, with a password; submission: STARTTLS first, submissions: TLS from the first byte. */
  submission: z.optional(hostAddress),
  submissions: z.optional(hostAddress),
  /** Where they fetch it; TLS from the first byte. */
  pop3s: z.optional(hostAddress),
  /** Health and the command line's way in; loopback only. */
  admin: z.optional(hostAddress),
});

const HUB = z.strictObject({
  hostname: z.string().check(z.regex(/^[A-Za-z0-9.-]{1,253}$/, 'a host name, such as kabul.example.org')),
  /** The domain that everybody writes to; its users are in the directory. */
  domain: z.string().check(z.regex(/^[A-Za-z0-9.-]{1,253}$/, 'a domain, such as example.org')),
  /** Where offices dial, for enrolment tokens; default: hostname and the port of listen.sync. */
  public: z.optional(hostAddress),
  /** The master secret that offices' keys are derived from; made at first use, mode 600. */
  secret_file: z._default(z.string(), 'hub.secret'),
  /** A local folder for spooled bodies and the run file; default: the store's folder, or `data` beside this file. */
  data: z.optional(z.string()),
  store: STORE,
  listen: z.prefault(LISTEN, {}),
  tls: z.optional(z.strictObject({ cert: z.string(), key: z.string() })),
  relay: z.prefault(
    z.strictObject({
      /** `smtps://user@host`, `smtp://host:587`: all outgoing mail goes there. Without it: by MX. */
      smarthost: z.optional(z.url()),
      password_file: z.optional(z.string()),
      /** Domains with a host of their own, whatever their MX says (qmail's smtproutes): headquarters' mail server. `.suffix`: all below it. */
      routes: z._default(
        z.record(
          z.string().check(z.regex(/^\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/, 'expected a domain, such as example.org')),
          z
            .string()
            .check(z.regex(/^[A-Za-z0-9.-]+(:\d{1,5})?$/, 'expected host or host:port, such as "mail.example.net"')),
        ),
        {},
      ),
      /** After this time a mail that could not be sent goes back to its sender. */
      lifetime: z.prefault(duration, '7 days'),
      concurrency: z._default(z.int().check(z.minimum(1), z.maximum(200)), 20),
      /** Port that MX hosts are reached on; another one than 25 is for tests. */
      port: z._default(z.int().check(z.minimum(1), z.maximum(65535)), 25),
      /** Mail of strangers that leaves again, by an alias, gets a sender of ours (SRS), or SPF would refuse it as forged. */
      srs: z._default(z.boolean(), true),
    }),
    {},
  ),
  /** Mail of our own people is signed on its way out; `hub dkim` makes the key and prints the record for the DNS. */
  dkim: z.optional(
    z.strictObject({
      selector: z._default(z.string().check(z.regex(/^[A-Za-z0-9-]{1,63}$/, 'letters, digits and -')), 'fieldpost'),
      key_file: z._default(z.string(), 'dkim.key'),
    }),
  ),
  /** Successor of tcprules: hosts that may relay, each for an office. The longest prefix wins. */
  allow: z._default(
    z.array(z.strictObject({ address: z.string(), office: z.string(), relay: z._default(z.boolean(), true) })),
    [],
  ),
  limits: z.prefault(
    z.strictObject({
      /** Largest mail at any door (qmail's databytes). */
      mail: z.prefault(bytes, '100 MB'),
      /** Connections at once, for each listener. */
      connections: z._default(z.int().check(z.minimum(1), z.maximum(10000)), 200),
      /** Connections at once from one address (of IPv6: one /64), for each listener. */
      per_address: z._default(z.int().check(z.minimum(1), z.maximum(10000)), 50),
      /** Mails that one strange host may bring by SMTP in an hour; 0: no limit. */
      stranger_per_hour: z._default(z.int().check(z.minimum(0)), 1000),
      recipients: z._default(z.int().check(z.minimum(1), z.maximum(50000)), 1000),
      /** A connection that makes no progress for this long is closed. */
      idle: z.prefault(duration, '5 min'),
    }),
    {},
  ),
  silent: z.prefault(
    z.strictObject({
      /** Mail waiting this long for an office: its sender and the postmaster are told. */
      delayed: z.prefault(duration, '2 days'),
      /** Mail waiting this long goes back to its sender. */
      lifetime: z.prefault(duration, '60 days'),
    }),
    {},
  ),
  /** What strangers bring is looked at before it is accepted. */
  screen: z.optional(
    z.strictObject({
      /** `http://127.0.0.1:11333`: what rspamd is sure of is refused, what it suspects goes by `hub office limits NAME spam=…`. */
      rspamd: z.optional(z.url()),
      /** SPF, DKIM and DMARC: refused is what its author's own domain wants refused. */
      dmarc: z._default(z.boolean(), true),
    }),
  ),
  /** Mail that is too large for its office's link. */
  held: z.prefault(
    z.strictObject({
      /** What one person may ask for in a day, bytes; 0: no limit. */
      per_day: z.prefault(bytes, '5 MB'),
    }),
    {},
  ),
  /** Programs that carry batches to offices, and folders in which they leave what comes from there. */
  carrier: z._default(
    z.array(
      z.strictObject({
        office: z.string(),
        /** Program and arguments: `{file}` is the batch, which else is on its standard input. */
        command: z.optional(z.array(z.string().check(z.minLength(1))).check(z.minLength(1))),
        /** The program is stopped after that. */
        command_timeout: z.prefault(duration, '10 min'),
        /** A folder in which a carrier leaves batches, of this office or of any. */
        inbox: z.optional(z.string().check(z.minLength(1))),
        /** How often the hub looks. */
        interval: z.prefault(duration, '15 min'),
        /** Largest batch that is handed over. */
        batch_max: z.optional(bytes.check(z.refine((size) => size >= 4_000, { error: 'expected 4 KB or more' }))),
        /** What was handed over is not sent otherwise for this long; default: as for sticks. */
        stick_wait: z.optional(duration),
      }),
    ),
    [],
  ),
  /** What an office has taken is kept this long, for a laptop that is replaced. */
  keep_delivered: z.prefault(duration, '30 days'),
  /** What is on a stick is not also sent over a link for this long. */
  stick_wait: z.prefault(duration, '7 days'),
  /** Whom the hub writes to about trouble. */
  postmaster: z.optional(address),
});

export type HubConfig = z.infer<typeof HUB> & { readonly file: string };
export type CarrierConfig = HubConfig['carrier'][number];

/** Reads and checks hub.toml; throws ConfigError naming the field, the fault and the remedy. Paths become absolute. */
export function loadHubConfig(file: string): HubConfig {
  const config = loadConfig(file, HUB);
  const beside = (path: string): string => resolve(dirname(file), path);
  const { dkim } = config;
  return {
    ...config,
    file: resolve(file),
    secret_file: beside(config.secret_file),
    carrier: config.carrier.map((one) => (one.inbox === undefined ? one : { ...one, inbox: beside(one.inbox) })),
    ...(dkim ? { dkim: { ...dkim, key_file: beside(dkim.key_file) } } : {}),
  };
}
