/** What operators write and what tables travel: alias files, directories, rules, tokens. */
import { parseHours } from '../../../agent/hours.ts';
import { decodeEdit, decodeSnapshot } from '../../../hub/directory-record.ts';
import { choiceOf } from '../../../hub/held-choice.ts';
import { checkAlias } from '../../../shared/core/alias-check.ts';
import { readAliasFile, writeAliasFile } from '../../../shared/core/alias-file.ts';
import { allowRuleFor, readAllowLines } from '../../../shared/core/allow.ts';
import { EMPTY_DIRECTORY } from '../../../shared/core/directory.ts';
import { applyEdit, replayEdit } from '../../../shared/core/directory-edit.ts';
import { EditError } from '../../../shared/core/directory-words.ts';
import { heldAddress, tokenOf } from '../../../shared/core/held-address.ts';
import {
  applyDirectoryDelta,
  DirectoryError,
  decodeDirectory,
  decodeDirectoryDelta,
  diffDirectory,
  directoryHash,
  directoryTables,
  encodeDirectory,
  encodeDirectoryDelta,
} from '../../../shared/core/public-directory.ts';
import { route } from '../../../shared/core/route.ts';
import { decodeToken, encodeToken, TokenError } from '../../../shared/core/token.ts';
import { parseBytes, parseDuration, splitHostAddress } from '../../../shared/io/config.ts';
import { StoreError } from '../../../shared/io/store.ts';
import { hubTablesOf, network } from '../../support/directory.ts';
import { type FuzzTarget, must, none, only, text } from '../target.ts';

const PEERS = [
  { name: 'smtp', relays: false },
  { name: 'office/herat', relays: true, office: 'herat' },
];
const RECIPIENTS = [
  'farid@example.org',
  'staff@example.org',
  'x@herat.example.org',
  '../../etc/passwd@example.org',
  'a@example.com',
  '__proto__@example.org',
];
/** No name may lead out of the folder that it is meant for. */
const MAILDIR =
  /^(?:internet|out|office\/[a-z0-9-]{1,32}|fetch\/[a-z0-9-]{1,32}|(?:mailbox|users)\/[a-z0-9_-][a-z0-9._-]{0,63})$/;

function routeAll(tables: Parameters<typeof route>[0]): string {
  let letters = '';
  for (const peer of PEERS)
    for (const recipient of RECIPIENTS) {
      const { verdict, deliveries } = route(tables, peer, 's@example.com', recipient);
      letters += verdict.letter;
      for (const { maildir } of deliveries) must(MAILDIR.test(maildir), `a mail would go to ${maildir}`);
    }
  return letters;
}

const ALIASES = [
  'staff@example.org: farid@example.org, &tom@example.org, ?it@example.org;\n# a comment\n@old.example.org: x@y.z;\nlist@: a@b.c,\n  d@e.f;\n',
  'staff: farid, tom\n  , "Holly B" <holly@example.org>\nowner-staff: it\nprog: "|/bin/vacation, x"\nfile: /dev/null\ninc: :include:/etc/x\n"q q": a@b # c\n',
];
const TABLES = hubTablesOf(network());

const aliasFile: FuzzTarget = {
  name: 'alias-file',
  of: 'shared/core/alias-file.ts, shared/core/alias-check.ts',
  seeds: () => ALIASES.map((one) => text(one)),
  tokens: [':', ';', ',', '&', '?', '"', '|', ':include:', '\\', '#', '\n ', '\n', '\u0000', '@', ';;', '__proto__'],
  allows: none,
  run(input) {
    const given = input.toString('utf8');
    const { aliases, faults, notes, format } = readAliasFile(given, { domain: 'example.org' });
    for (const { line, text: why } of [...faults, ...notes])
      must(line > 0 && !why.includes('\n'), 'a remark is a line about a line');
    let checked = '';
    for (const alias of aliases) {
      try {
        checkAlias(TABLES, alias);
        checked += 'y';
      } catch (error) {
        if (!(error instanceof EditError)) throw error;
        must(!error.message.includes('\n'), 'a refusal is one line');
        checked += 'n';
      }
    }
    if (faults.length === 0 && !checked.includes('n')) {
      const table = new Map(
        aliases.map(({ address, targets, owner }) => [address, { targets, ...(owner === undefined ? {} : { owner }) }]),
      );
      const again = readAliasFile(writeAliasFile(table).join('\n'), { domain: 'example.org', format: 'fastforward' });
      const shown = (list: typeof aliases): string =>
        JSON.stringify(list.map(({ address, targets, owner }) => [address, targets, owner]).sort());
      must(
        again.faults.length === 0 && shown(again.aliases) === shown(aliases),
        `written and read it is the same: ${shown(again.aliases)} ${shown(aliases)}`,
      );
    }
    return `${format} ${checked.slice(0, 4)} ${faults[0]?.text.slice(0, 20)} ${notes.length > 0}`;
  },
};

const PUBLIC =
  'O herat herat.example.org\na staff@example.org farid@example.org\na staff@example.org tom@example.org\nd example.org\nh kabul.example.org\no herat .west.example.org\nu farid@example.org herat\nu tom@example.org hub\nw staff@example.org it@example.org\ny herat\n';
const KNOWN = decodeDirectory(text(PUBLIC));
const CHANGED = { ...KNOWN, users: new Map([['x@example.org', 'herat']]) };

const directory: FuzzTarget = {
  name: 'directory',
  of: 'shared/core/public-directory.ts, shared/core/tables.ts, shared/core/post.ts, shared/core/route.ts',
  seeds: () => [
    text(PUBLIC),
    Buffer.from(encodeDirectoryDelta(diffDirectory(KNOWN, CHANGED))),
    text('d x\nu ../../x@d ../..\na a@d b@d\na b@d a@d\n'),
  ],
  tokens: [
    '\nu ',
    '\na ',
    '\nO ',
    '\nd ',
    '\ny ',
    ' herat\n',
    ' hub\n',
    ' internet\n',
    '../',
    '\u0000',
    '@',
    '@example.org',
    '__proto__',
    '-',
    '+',
    '\r',
  ],
  allows: only(DirectoryError),
  run(input) {
    if (/^[0-9a-f]{8}/.test(input.toString('latin1', 0, 8))) {
      const changed = applyDirectoryDelta(KNOWN, decodeDirectoryDelta(input));
      return `changed ${routeAll(directoryTables(changed, { office: 'herat' }))}`;
    }
    const read = decodeDirectory(input);
    const again = decodeDirectory(encodeDirectory(read));
    must(directoryHash(again) === directoryHash(read), 'written and read it is the same');
    return (
      routeAll(directoryTables(read, { office: 'herat', localUsers: ['e'] })) +
      routeAll(hubTablesOf({ ...EMPTY_DIRECTORY, domain: read.domain, users: read.users, aliases: read.aliases }))
    );
  },
};

const EDITS = [
  { do: 'office.add', office: 'qala', domains: ['qala.example.org'], keyId: '00112233445566aa' },
  { do: 'office.limits', office: 'herat', limits: { mailBytesMax: 5, concurrency: 2, users: 'any', plain: true } },
  { do: 'user.move', address: 'holly@example.org', post: 'mazar' },
  { do: 'alias.set', aliases: [{ address: 'x@example.org', targets: ['farid@example.org'], owner: 'o@example.org' }] },
  { do: 'user.remove', address: 'holly@example.org' },
];
const SNAPSHOT = {
  version: 3,
  offices: [
    {
      name: 'herat',
      domains: ['h.example.org'],
      keyId: 'aa',
      generation: 1,
      revoked: false,
      limits: { mailBytesMax: 0, concurrency: 20, users: 'known' },
    },
  ],
  users: [['a@example.org', 'herat']],
  aliases: [{ address: 'b@example.org', targets: ['a@example.org'] }],
};

const edits: FuzzTarget = {
  name: 'directory-log',
  of: 'hub/directory-record.ts, shared/core/directory-edit.ts, shared/core/directory-check.ts',
  seeds: () => [...EDITS, SNAPSHOT].map((one) => text(JSON.stringify(one))),
  tokens: [
    '"',
    '":"',
    '../',
    '\\u0000',
    '\\n',
    'office.add',
    'user.add',
    '"hub"',
    'null',
    '[]',
    '{}',
    '__proto__',
    '-1',
    '1e400',
  ],
  allows: only(StoreError, EditError),
  run(input) {
    if (input.toString('latin1', 0, 8) === '{"versio') {
      const read = decodeSnapshot('directory-snapshot/1', input);
      return routeAll(hubTablesOf({ ...EMPTY_DIRECTORY, domain: 'example.org', ...read }));
    }
    const edit = decodeEdit('directory/1', input);
    const before = network();
    routeAll(hubTablesOf(replayEdit(before, edit)));
    const after = applyEdit(before, edit);
    must(after === before || after.version === before.version + 1, 'an edit is one step');
    return `${edit.do} ${routeAll(hubTablesOf(after))}`;
  },
};

const ALLOW = [
  '10.1.0.0/16',
  '192.0.2.7',
  '2001:db8::/32',
  '0.0.0.0/0',
  '::/0',
  '::ffff:1.2.3.4',
  '10.1.2.3/16',
  'fe80::1%eth0',
  '1:2:3:4:5:6:1.2.3.4',
];

const allow: FuzzTarget = {
  name: 'allow',
  of: 'shared/core/allow.ts',
  seeds: () => [text(ALLOW.join('\n')), ...ALLOW.map((one) => text(one))],
  tokens: ['/', '.', ':', '::', '0', '255', '256', '/0', '/128', '/32', '%', 'ffff', '\n', ' '],
  sizeMax: 600,
  allows: none,
  run(input) {
    const lines = input
      .toString('utf8')
      .split('\n')
      .map((one) => ({ address: one, office: 'herat', relay: true }));
    const { rules, faults } = readAllowLines(lines);
    must(faults.every(({ text: why }) => why !== '') && rules.length <= lines.length, 'each line is a rule or a fault');
    for (const { address, prefix } of rules) {
      const host = address.split('/')[0] ?? '';
      must(allowRuleFor(rules, host) !== undefined, `${address} holds ${host}`);
      must(/^(?:4[01]{0,32}|6[01]{0,128})$/.test(prefix), 'a prefix is bits');
    }
    if (!rules.some(({ prefix }) => prefix.startsWith('4') && prefix.length < 9))
      must(allowRuleFor(rules, '203.0.113.9')?.address.includes('203') !== false, 'a stranger is a stranger');
    return `${Math.min(3, rules.length)} ${faults.map(({ text: why }) => why.replace(/"[^"]*"/g, '').slice(0, 20)).slice(0, 2)}`;
  },
};

const TOKEN = encodeToken({
  hub: 'kabul.example.org:443',
  office: 'herat',
  domain: 'example.org',
  officeDomains: ['herat.example.org', '.west.example.org'],
  identity: '0123456789abcdef.1',
  key: Buffer.alloc(32, 7),
});

const token: FuzzTarget = {
  name: 'token',
  of: 'shared/core/token.ts',
  seeds: () => [text(TOKEN), text(` ${TOKEN.slice(0, 40)}\n${TOKEN.slice(40)} `)],
  tokens: ['fieldpost1-', '\n', ' ', '=', '-', '_', '+', '/'],
  sizeMax: 9_000,
  allows: only(TokenError),
  run(input) {
    const read = decodeToken(input.toString('utf8'));
    must(read.key.length === 32, 'a key has 32 bytes');
    must(JSON.stringify(decodeToken(encodeToken(read))) === JSON.stringify(read), 'written and read it is the same');
    return 'a token';
  },
};

const WORDS = [
  '20 KB',
  '1.5 MB',
  '14 days',
  '5 min',
  '127.0.0.1:209',
  '[::1]:0',
  '22:00-06:00',
  'held+abcdefghijklmnopqrst',
  'all',
  '1 3',
  'drop.',
  '999999999999.999 GB',
];

const words: FuzzTarget = {
  name: 'words',
  of: 'shared/io/config.ts (sizes, times, addresses), agent/hours.ts, shared/core/held-address.ts, hub/held-choice.ts',
  seeds: () => WORDS.map((one) => text(one)),
  tokens: [' ', '.', ':', '-', 'KB', 'days', '[', ']', '65536', '\u0000', '+'],
  sizeMax: 200,
  allows: none,
  run(input) {
    const given = input.toString('utf8');
    const size = parseBytes(given);
    must(size === undefined || (Number.isFinite(size) && size >= 0), 'a size is a number');
    const seconds = parseDuration(given);
    must(seconds === undefined || (Number.isFinite(seconds) && seconds >= 0), 'a time is a number');
    const where = splitHostAddress(given);
    must(where === undefined || (where.port <= 65_535 && where.host !== ''), 'an address has a port');
    const hours = parseHours(given);
    must(hours === undefined || (hours.from < 1_440 && hours.to < 1_440), 'hours are of a day');
    const held = tokenOf(given);
    must(
      held === undefined || tokenOf(heldAddress(held, 'x').split('@')[0] ?? '') === held,
      'a token is what the address was made of',
    );
    const choice = choiceOf(given);
    must(
      choice === undefined || typeof choice === 'string' || ('small' in choice ? choice.small : choice).length <= 21,
      'a choice is short',
    );
    return [size, seconds, where, hours, held, choice].map((one) => (one === undefined ? '-' : 'y')).join('');
  },
};

export const TABLES_AND_WORDS = [aliasFile, directory, edits, allow, token, words];
