/** What is read back from a disk or a bucket, and what an operator has written there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent } from '../../../agent/agent.ts';
import { loadAgentConfig } from '../../../agent/config.ts';
import { heldCommand } from '../../../agent/held.ts';
import { hubTimeOffset } from '../../../agent/hub-time.ts';
import { trustedHosts } from '../../../agent/lan.ts';
import { lastTrips } from '../../../agent/trips.ts';
import { loadHubConfig } from '../../../hub/config.ts';
import { readContact } from '../../../hub/contact.ts';
import { openHeld } from '../../../hub/held-record.ts';
import type { Hub } from '../../../hub/hub.ts';
import { readOfficeLinks } from '../../../hub/office-links.ts';
import { smarthostOf } from '../../../hub/smarthost.ts';
import { readAllowLines } from '../../../shared/core/allow.ts';
import {
  decodeEntryHead,
  EntryError,
  type EntryHead,
  encodeEntryHead,
  entryName,
  parseEntryName,
} from '../../../shared/core/entry.ts';
import { arrivalOfMailbox } from '../../../shared/core/mailbox-name.ts';
import { readAccounts } from '../../../shared/io/accounts.ts';
import { ConfigError } from '../../../shared/io/config.ts';
import { openEntry } from '../../../shared/io/maildir.ts';
import { readNote } from '../../../shared/io/note.ts';
import { KnownParts } from '../../../shared/io/parts.ts';
import { readSeen } from '../../../shared/io/seen.ts';
import { StoreError } from '../../../shared/io/store.ts';
import { isKey } from '../../../shared/io/store-key.ts';
import { readTripState } from '../../../shared/io/trip-state.ts';
import { type FuzzTarget, must, only, text } from '../target.ts';
import { storeOf } from './store-of.ts';

const HEAD: EntryHead = {
  sender: 'farid@herat.example.org',
  recipients: ['friend@example.com', 'ü@example.net'],
  hops: 1,
  urgency: 5,
  accepted: 1_795_471_464,
  size: 11,
  bodyHash: 'ab'.repeat(32),
};
const ARRIVAL = 'cd'.repeat(16);

const entry: FuzzTarget = {
  name: 'entry',
  of: 'shared/core/entry.ts, shared/core/mailbox-name.ts, shared/io/maildir.ts, shared/io/store-key.ts',
  seeds: () => [
    Buffer.concat([encodeEntryHead(HEAD), text('hello world')]),
    text(entryName(HEAD, ARRIVAL, '01234567')),
    text(`1795471464.A${ARRIVAL}-7X01234567.herat:2,S`),
  ],
  tokens: [
    'Return-Path: <',
    'Delivered-To: ',
    'Fieldpost-Entry: ',
    'hops=',
    'size=',
    '\n',
    '>',
    ':2,',
    '../',
    '\u0000',
    '/',
  ],
  allows: only(EntryError),
  async run(input) {
    const line = input.toString('utf8').slice(0, 300);
    const name = parseEntryName(line);
    if (name) must(isKey(`office/herat/new/${line.replace(/:2,.*$/s, '')}`), 'the name of an entry is a key');
    if (isKey(line)) must(!/(?:^|\/)\.|\/\/|[^A-Za-z0-9._,:=@+/-]/.test(line), 'a key stays in its place');
    const kind = `${name !== undefined} ${arrivalOfMailbox(line) !== undefined} ${isKey(line)}`;
    const decoded = decodeEntryHead(input);
    if (!decoded) return `${kind} more is needed`;
    const { head, length } = decoded;
    const again = decodeEntryHead(encodeEntryHead(head));
    must(
      JSON.stringify(again?.head) === JSON.stringify(head) && length <= input.length,
      'written and read it is the same',
    );
    const key = `office/herat/new/${entryName(HEAD, ARRIVAL)}`;
    const opened = await openEntry(storeOf(new Map([[key, input]])), key);
    must(
      opened !== undefined && opened.id === parseEntryName(entryName(HEAD, ARRIVAL))?.id,
      'an entry is the one that its name says',
    );
    return `${kind} an entry`;
  },
};

const NOTE = {
  attempts: 2,
  nextTry: 5,
  settled: [
    ['a@b', 'K', 'ok'],
    ['__proto__', 'D', 'no'],
  ],
  lastError: 'x',
  told: true,
};
const SEEN = { peer: 'smtp', id: 'x', answers: [['a@b', 'D', 'no']], keys: ['office/herat/new/x'], noticed: 7 };
const STATE = {
  instance: '0011223344556677',
  counter: 3,
  ledger: {
    next: 4,
    open: [
      [
        1,
        { keys: ['k'], sealing: { base: '', quality: 5, recipients: [1] }, stick: { since: 1, until: 2, hash: 'h' } },
      ],
      [2, 'k'],
    ],
    floor: 2,
    answered: [
      [3, 'K'],
      [4, [{ letter: 'D', text: 'no' }]],
    ],
    hashes: [[3, 'x']],
  },
  heard: 5,
};
const ACCOUNTS = [['farid', { salt: '00'.repeat(16), hash: '11'.repeat(32) }]];
const TRIP = {
  last: [{ time: 1, link: 'x', seconds: 2.5, mailsUp: 1, mailsDown: 1, bytesRaw: 5, bytesWire: 7, cost: 0 }],
  used: [
    [
      'x',
      { day: 1, month: 2, today: { bytes: 1, seconds: 2, money: 3 }, thisMonth: { bytes: 1, seconds: 2, money: 3 } },
    ],
  ],
};
const CONTACT = {
  time: 5,
  last: {
    trips: 1,
    mailsUp: 0,
    mailsDown: 0,
    bytesRawUp: 0,
    bytesRawDown: 0,
    bytesWireUp: 0,
    bytesWireDown: 0,
    seconds: 1,
    resumed: 0,
  },
  months: [],
  trouble: 'x',
};
const HELD = {
  id: 'ab'.repeat(32),
  token: 'a'.repeat(20),
  recipient: 'a@b',
  subject: 's',
  bytes: 5,
  parts: 1,
  since: 7,
};
const HELD_AT_HUB = { id: 'x', key: 'office/herat/new/x', recipients: ['a@b'] };

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const machine = (bytes: Buffer, key: string) => ({
  config: { link: [] },
  store: storeOf(new Map([[key, bytes]])),
  secret: Buffer.alloc(32, 1),
  log: SILENT,
  now: () => 1_795_000_000,
});

/** Each kind of record: a good one, and who reads it. */
const RECORDS: readonly { readonly good: unknown; read(bytes: Buffer): Promise<unknown> }[] = [
  { good: NOTE, read: (bytes) => readNote(storeOf(new Map([['m/note/i', bytes]])), 'm', 'i') },
  { good: SEEN, read: (bytes) => readSeen(storeOf(new Map([['seen/x', bytes]])), 'seen/x') },
  { good: STATE, read: (bytes) => readTripState(storeOf(new Map([['trip', bytes]])), 'trip') },
  { good: ACCOUNTS, read: (bytes) => readAccounts(storeOf(new Map([['accounts', bytes]]))) },
  { good: TRIP, read: (bytes) => lastTrips(machine(bytes, 'trips') as unknown as Agent) },
  { good: CONTACT, read: (bytes) => readContact(machine(bytes, 'office/herat/contact') as unknown as Hub, 'herat') },
  {
    good: HELD,
    read: (bytes) => {
      const agent = machine(bytes, 'held/x') as unknown as Agent;
      return heldCommand.run({ open: async () => agent } as never, { json: false, out: () => undefined } as never);
    },
  },
  {
    good: HELD_AT_HUB,
    read: (bytes) => openHeld(machine(bytes, 'office/herat/held/t') as unknown as Hub, 'herat', 't'),
  },
  {
    good: 'iridium mb=100',
    read: (bytes) => readOfficeLinks(machine(bytes, 'office/herat/links') as unknown as Hub, 'herat'),
  },
  { good: -3_600, read: (bytes) => hubTimeOffset(machine(bytes, 'hub-time') as unknown as Agent) },
  {
    good: 'ab'.repeat(32),
    read: (bytes) => new KnownParts({ store: storeOf(new Map([['p/known', bytes]])), prefix: 'p' }).has('x'),
  },
];

const records: FuzzTarget = {
  name: 'records',
  of: 'note, seen, trip state, accounts, trips, contact, held, links, hub time, parts: all that stands on disk as text',
  seeds: () => RECORDS.map(({ good }, index) => text(String(index), JSON.stringify(good))),
  tokens: ['null', '{}', '[]', '"', '-1', '1e999', 'true', '\u0000', ',', '9007199254740993', '"__proto__"', '{"'],
  sizeMax: 3_000,
  allows: only(StoreError),
  async run(input) {
    const index = ((input[0] ?? 48) - 48 + 250) % RECORDS.length;
    if (index === 9 && input.length > 100) return 'too long for a number';
    const read = await RECORDS[index]?.read(input.subarray(1));
    return `${index} ${read === undefined} ${typeof read}`;
  },
};

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'fieldpost-fuzz-'));
  mkdirSync(path, { recursive: true });
  process.once('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
};

const HUB_TOML = `hostname = "kabul.example.org"
domain = "example.org"
keep_delivered = "30 days"
[store]
bucket = "fieldpost-kabul"
endpoint = "https://s3.example.net"
[listen]
sync = "0.0.0.0:443"
smtp = "[::]:25"
[tls]
cert = "a"
key = "b"
[relay]
smarthost = "smtps://user@relay.example.net"
lifetime = "7 days"
[[allow]]
address = "10.1.0.0/16"
office = "farah"
[limits]
mail = "100 MB"
connections = 200
`;
const AGENT_TOML = `office = "herat"
hub = "kabul.example.org:443"
key_file = "agent.key"
interval = "30 min"
[listen]
smtp = "0.0.0.0:587"
lan = "192.168.7.0/24"
[[queue]]
path = "/var/qmail/qrelay/MAILDIR"
prefix = "qrelay-"
[[link]]
name = "iridium"
match = { interface = "ppp0" }
price_per_minute = 1.44
max_mail = "20 KB"
budget = ["300 KB/day", "5 MB/month"]
money = "50/month"
hours = ["22:00-06:00"]
`;
const TOML_TOKENS = [
  '[',
  ']',
  '[[',
  ']]',
  '=',
  '"',
  '"""',
  "'''",
  '{',
  '}',
  '#',
  '\n',
  '\\u0000',
  '\\U0010FFFF',
  '1979-05-27T07:32:00Z',
  'inf',
  'nan',
  '0x',
  '-1',
  '1e400',
  'true',
  '__proto__',
  'constructor',
  '%',
  '%E0%A4%A',
  'smtp://',
  ' KB/day',
  '/0',
];

/** The file is written anew for each case: the parser takes the name of one. */
function configTarget(name: string, of: string, toml: string, load: (file: string) => string): FuzzTarget {
  let path: string | undefined;
  return {
    name,
    of,
    seeds: () => [text(toml), ...toml.split(/\n(?=\[)/).map((part) => text(toml.slice(0, toml.indexOf('[')), part))],
    tokens: TOML_TOKENS,
    allows: only(ConfigError),
    run(input) {
      path ??= join(folder(), 'x.toml');
      writeFileSync(path, input);
      return load(path);
    },
    close: async () => {
      if (path) rmSync(join(path, '..'), { recursive: true, force: true });
      path = undefined;
    },
  };
}

const hubConfig = configTarget(
  'config-hub',
  'hub/config.ts, shared/io/config.ts, hub/smarthost.ts',
  HUB_TOML,
  (file) => {
    const config = loadHubConfig(file);
    must(config.limits.connections > 0 && config.limits.mail >= 0, 'limits are limits');
    const { rules, faults } = readAllowLines(config.allow);
    must(rules.length + faults.length >= Math.min(1, config.allow.length), 'each rule is looked at');
    return `${smarthostOf(config)?.tls} ${Object.keys(config.listen)} ${config.tls !== undefined}`;
  },
);

const agentConfig = configTarget(
  'config-agent',
  'agent/config.ts, shared/io/config.ts, agent/lan.ts',
  AGENT_TOML,
  (file) => {
    const config = loadAgentConfig(file);
    const trusts = trustedHosts(config);
    must(
      trusts('127.0.0.1') &&
        !trusts('203.0.113.9') === !/^203|^200\.|^2\d\d\.0\.0\.0\/[1-7]$|\/[0-7]$/.test(config.listen.lan ?? ''),
      'only the subnet is trusted',
    );
    return `${config.link.map(({ budget, hours, money }) => [budget?.length, hours?.length, money?.length])} ${Object.keys(config.listen)}`;
  },
);

export const FILES = [entry, records, hubConfig, agentConfig];
