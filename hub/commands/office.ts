/** `hub office …`: field sites, their keys and limits. */
import { type Office, type OfficeLimits, SPAM_CHOICES } from '../../shared/core/directory.ts';
import { encodeToken } from '../../shared/core/token.ts';
import { makeAccount, readAccounts, writeAccounts } from '../../shared/io/accounts.ts';
import { type Call, EXIT, Exit } from '../../shared/io/command-line.ts';
import { parseBytes } from '../../shared/io/config.ts';
import { countMaildir } from '../../shared/io/maildir.ts';
import { newPassword } from '../../shared/io/password.ts';
import { readContact } from '../contact.ts';
import { courierCode } from '../courier-code.ts';
import { editDirectory } from '../edit-directory.ts';
import { HOLD_BYTES_MIN } from '../hold.ts';
import type { Hub, HubCommand } from '../hub.ts';
import { readmit } from '../instance.ts';
import { deriveOfficeKey, newKeyId } from '../office-key.ts';
import { OFFICES } from '../people.ts';
import { publicAddress } from '../public-address.ts';
import { carried } from './status.ts';

export const officeCommands: readonly HubCommand[] = [
  {
    words: 'office add',
    usage: 'NAME [--domain DOMAIN]…',
    summary: 'makes an office, and prints its enrolment token as the last line',
    help: `The domain is the office's own (default NAME.<domain>), to which its people's addresses are rewritten. It may be given several times;
.DOMAIN means all domains below it.

  hub office add herat --domain herat.example.org`,
    options: { domain: { type: 'string', multiple: true } },
    takes: [1, 1],
    run: async (hub, call) => addOffice(hub, call),
  },
  {
    words: 'office list',
    usage: '[--json]',
    summary: 'shows the offices',
    takes: [0, 0],
    reports: true,
    run: async (hub, { json, out }) => {
      await hub.directory.refresh();
      const offices = [...hub.directory.current.offices.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      const usersOf = countUsers(hub);
      if (json) out(JSON.stringify(offices.map((office) => facts(office, usersOf))));
      else for (const office of offices) out(line(office, usersOf));
      return EXIT.ok;
    },
  },
  {
    words: 'office show',
    usage: 'NAME [--json]',
    summary: 'shows one office: domains, limits, users, and what waits for it',
    takes: [1, 1],
    reports: true,
    run: async (hub, call) => showOffice(hub, call),
  },
  {
    words: 'office revoke',
    usage: 'NAME',
    summary: 'shuts an office out at once: a laptop was stolen, or the office has closed',
    help: `Its mail is kept and goes on being accepted. Before the office comes back on another laptop: hub office rekey NAME, then
hub office readmit NAME.`,
    takes: [1, 1],
    run: async (hub, { positionals: [name = ''], out }) => {
      await editDirectory(hub, { do: 'office.revoke', office: name });
      out(
        `office ${name} is revoked: it is shut out from now on, and its mail is kept. 'hub office readmit ${name}' lets it in again`,
      );
      return EXIT.ok;
    },
  },
  {
    words: 'office readmit',
    usage: 'NAME',
    summary: 'lets an office in again, on whatever laptop calls next with its key',
    takes: [1, 1],
    run: async (hub, { positionals: [name = ''], out }) => {
      await editDirectory(hub, { do: 'office.readmit', office: name });
      await readmit(hub, name);
      out(`office ${name} is let in; the laptop that calls next with its key is the office from then on`);
      return EXIT.ok;
    },
  },
  {
    words: 'office rekey',
    usage: 'NAME',
    summary: 'gives an office a new key: the old one is worth nothing any more; prints the new token as the last line',
    takes: [1, 1],
    run: async (hub, { positionals: [name = ''], out }) => {
      await editDirectory(hub, { do: 'office.rekey', office: name });
      await readmit(hub, name);
      printToken(hub, officeOf(hub, name), out);
      return EXIT.ok;
    },
  },
  {
    words: 'office password',
    usage: 'NAME [--remove]',
    summary:
      'lets an office without an agent fetch and hand in its mail with a password, which is printed; again for a new one',
    help: `For a site with a mail server of its own, such as Postfix with fetchmail: it fetches by POP3 (listener pop3s), each mail with a line
Delivered-To for whom it is, and hands in by submission(s). The user is the office's domain. An office has the agent or this, not both.

  --remove  takes the password away

  hub office password farah`,
    options: { remove: { type: 'boolean' } },
    takes: [1, 1],
    run: async (hub, call) => setPassword(hub, call),
  },
  {
    words: 'office limits',
    usage: 'NAME [KEY=VALUE…] [--json]',
    summary: 'shows or sets the limits of an office',
    help: `  mail=20 MB       largest mail to and from the office; 0: no limit but the hub's
  concurrency=20   connections and mails in hand at once
  users=known      only users of the directory; users=any: every name in the office's domains, for an office with its own qmail
  hold=20 KB       larger mail is held at the hub, whatever the link, and a summary goes instead; 0: the link's max_mail decides
  spam=mark        what is taken for spam goes last, with a line X-Spam; spam=hold: what is large of it is held; spam=refuse: not taken
  plain=yes        mail goes down as plain text, whatever the link, and the original stays at the hub; plain=no: the link decides

  hub office limits farah users=any "mail=2 MB"`,
    takes: [1, 7],
    reports: true,
    run: async (hub, call) => limitOffice(hub, call),
  },
];

async function addOffice(hub: Hub, { positionals: [name = ''], options, out }: Call): Promise<number> {
  const given = Array.isArray(options.domain) ? options.domain : [];
  const whole = given.some((domain) => !domain.startsWith('.'));
  const domains = [
    ...given.filter((domain) => !domain.startsWith('.')),
    ...given.filter((domain) => domain.startsWith('.')),
  ];
  if (!whole) domains.unshift(`${name}.${hub.config.domain}`);
  await editDirectory(hub, { do: 'office.add', office: name, domains, keyId: newKeyId() });
  out(`office ${name} is made; its people are written to at ${domains.join(', ')} as well`);
  printToken(hub, officeOf(hub, name), out);
  return EXIT.ok;
}

async function setPassword(hub: Hub, { positionals: [name = ''], options, out }: Call): Promise<number> {
  await hub.directory.refresh();
  const { domains } = officeOf(hub, name);
  const accounts = new Map(await readAccounts(hub.store));
  const account = `${OFFICES}${name}`;
  if (options.remove === true) {
    if (!accounts.delete(account)) throw new Exit(EXIT.data, `office ${name} has no password`);
    await writeAccounts(hub.store, accounts);
    out(`office ${name} can no longer fetch or hand in its mail by a password; its mail is kept`);
    return EXIT.ok;
  }
  const password = newPassword();
  await writeAccounts(hub.store, accounts.set(account, await makeAccount(password)));
  out(`password of ${domains[0]}: ${password}`);
  return EXIT.ok;
}

function printToken(hub: Hub, office: Office, out: Call['out']): void {
  const { name, domains, keyId, generation } = office;
  const address = publicAddress(hub);
  const token = encodeToken({
    hub: address,
    office: name,
    domain: hub.config.domain.toLowerCase(),
    officeDomains: domains,
    identity: `${keyId}.${generation}`,
    key: deriveOfficeKey(hub.secret, keyId, generation),
  });
  out(
    `The office will dial ${address} (\`public\` in hub.toml names another address). On its laptop, type:  agent enrol TOKEN`,
  );
  out('This is the token. Who has it is the office: send it by a way that you trust.');
  out(token);
}

/** Throws Exit when there is none. */
function officeOf(hub: Hub, name: string): Office {
  const office = hub.directory.office(name);
  if (office) return office;
  throw new Exit(EXIT.data, `there is no office "${name}"; 'hub office list' shows them`);
}

type CountUsers = (office: string) => number;

function countUsers({ directory }: Hub): CountUsers {
  const counts = new Map<string, number>();
  for (const post of directory.current.users.values()) counts.set(post, (counts.get(post) ?? 0) + 1);
  return (office) => counts.get(office) ?? 0;
}

const facts = ({ name, domains, revoked, limits, keyId, generation }: Office, usersOf: CountUsers) => ({
  name,
  domains,
  revoked,
  users: usersOf(name),
  limits: limitFacts(limits),
  identity: `${keyId}.${generation}`,
});

const limitFacts = ({ mailBytesMax, concurrency, users, holdBytesMax, plain, spam }: OfficeLimits) => ({
  mail: mailBytesMax,
  concurrency,
  users,
  hold: holdBytesMax,
  plain,
  spam,
});

const line = ({ name, domains, revoked }: Office, usersOf: CountUsers): string =>
  `${name.padEnd(16)} ${domains.join(' ')}  ${usersOf(name)} users${revoked ? '  REVOKED' : ''}`;

async function showOffice(hub: Hub, { positionals: [name = ''], json, out }: Call): Promise<number> {
  await hub.directory.refresh();
  const office = officeOf(hub, name);
  const waiting = await countMaildir(hub.store, `office/${name}`);
  const contact = await readContact(hub, name);
  const users = [...hub.directory.current.users].filter(([, post]) => post === name).map(([address]) => address);
  if (json) {
    out(
      JSON.stringify({ ...facts(office, () => users.length), people: users, waiting, ...(contact ? { contact } : {}) }),
    );
    return EXIT.ok;
  }
  out(line(office, () => users.length));
  out(`limits           ${describeLimits(office.limits)}`);
  out(`waiting          ${waiting.mails} mails, ${waiting.bytes} bytes`);
  out(`courier code     ${courierCode(hub.secret, office)}`);
  if (contact?.last) out(`last trip        ${carried(contact.last)} in ${contact.last.seconds.toFixed(0)} s`);
  for (const [month, sums] of (contact?.months ?? []).slice(-MONTHS_SHOWN))
    out(`${month}          ${carried(sums)} in ${Math.ceil(sums.seconds / 60)} min`);
  for (const address of users.sort()) out(`  ${address}`);
  return EXIT.ok;
}

const MONTHS_SHOWN = 2;

const describeLimits = ({ mailBytesMax, concurrency, users, holdBytesMax, plain, spam }: OfficeLimits): string =>
  `mail=${mailBytesMax === 0 ? '0 (no limit of its own)' : `${mailBytesMax} bytes`} concurrency=${concurrency} users=${users} hold=${holdBytesMax === 0 ? '0 (the link decides)' : `${holdBytesMax} bytes`} plain=${plain ? 'yes' : 'no'} spam=${spam}`;

async function limitOffice(hub: Hub, { positionals: [name = '', ...pairs], json, out }: Call): Promise<number> {
  const limits = Object.assign({}, ...pairs.map(limitOf)) as Partial<OfficeLimits>;
  if (pairs.length > 0) await editDirectory(hub, { do: 'office.limits', office: name, limits });
  else await hub.directory.refresh();
  const { limits: now } = officeOf(hub, name);
  out(json ? JSON.stringify(limitFacts(now)) : describeLimits(now));
  return EXIT.ok;
}

const CONCURRENCY_MAX = 10_000;

/** One `KEY=VALUE`. Throws Exit that names it. */
function limitOf(pair: string): Partial<OfficeLimits> {
  const [, key = '', value = ''] = /^([^=]*)=(.*)$/.exec(pair) ?? [];
  const wrong = (expected: string): Exit => new Exit(EXIT.usage, `"${pair}": ${expected}`);
  if (key === 'mail') {
    const mailBytesMax = parseBytes(value);
    if (mailBytesMax === undefined) throw wrong('expected a size, such as mail=20MB, or mail=0 for no limit');
    return { mailBytesMax };
  }
  if (key === 'concurrency') {
    const concurrency = Number(value);
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > CONCURRENCY_MAX)
      throw wrong(`expected a number from 1 to ${CONCURRENCY_MAX}, such as concurrency=20`);
    return { concurrency };
  }
  if (key === 'plain') {
    if (value !== 'yes' && value !== 'no') throw wrong('expected plain=yes or plain=no');
    return { plain: value === 'yes' };
  }
  if (key === 'spam') {
    const spam = SPAM_CHOICES.find((choice) => choice === value);
    if (spam === undefined) throw wrong('expected spam=mark, spam=hold or spam=refuse');
    return { spam };
  }
  if (key === 'hold') {
    const holdBytesMax = parseBytes(value);
    if (holdBytesMax === undefined || (holdBytesMax > 0 && holdBytesMax < HOLD_BYTES_MIN))
      throw wrong(`expected a size of at least ${HOLD_BYTES_MIN} bytes, such as hold=20KB, or hold=0 for none`);
    return { holdBytesMax };
  }
  if (key !== 'users')
    throw wrong(
      'the limits are mail=SIZE, hold=SIZE, concurrency=NUMBER, plain=yes or plain=no, spam=mark, spam=hold or spam=refuse, and users=known or users=any',
    );
  if (value !== 'known' && value !== 'any') throw wrong('expected users=known or users=any');
  return { users: value };
}
