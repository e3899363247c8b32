/** `hub import-qmail DIR`: a hub takes over from a qmail of the 2004 set-up. */

import type { Edit } from '../../shared/core/directory-edit.ts';
import { EditError } from '../../shared/core/directory-words.ts';
import { type Call, EXIT } from '../../shared/io/command-line.ts';
import type { Hub, HubCommand } from '../hub.ts';
import { newKeyId } from '../office-key.ts';
import { planOf, type QmailPlan } from '../qmail-plan.ts';
import { queueFiles, takeQueue } from '../qmail-queue.ts';

export const importQmailCommands: readonly HubCommand[] = [
  {
    words: 'import-qmail',
    usage: 'DIR [--aliases FILE] [--apply] [--json]',
    summary: 'reads what was /var/qmail on the old hub, says what it makes of it, and with --apply does it',
    help: `Each queue of control/virtualdomains becomes an office, with what waits in its Maildir; whoever an alias sends to an office's domain is
posted there; the names of users/assign have mailboxes at the hub; the other aliases stay aliases. What has no place here is named and left out. DIR is
only read. Doing it twice is harmless: what is there stays as it is, and no mail comes twice.

  --aliases FILE  the source of fastforward's table (setforward's), or /etc/aliases
  --apply         does it; without it nothing is changed

  hub import-qmail /var/qmail --aliases /etc/aliases`,
    options: { aliases: { type: 'string' }, apply: { type: 'boolean' } },
    takes: [1, 1],
    reports: true,
    run: async (hub, call) => importQmail(hub, call),
  },
];

async function importQmail(hub: Hub, call: Call): Promise<typeof EXIT.ok> {
  const {
    positionals: [folder = ''],
    options,
    readFile,
    json,
    out,
  } = call;
  const path = typeof options.aliases === 'string' ? options.aliases : undefined;
  const aliases = path === undefined ? {} : { aliases: { path, text: (await readFile(path)).toString() } };
  const plan = await planOf({ folder, domain: hub.config.domain.toLowerCase(), ...aliases });
  const result = options.apply === true ? await apply(hub, plan) : await preview(plan);
  if (json) out(JSON.stringify({ applied: options.apply === true, ...result }));
  else for (const line of describe(plan, result, options.apply === true)) out(line);
  return EXIT.ok;
}

interface Result {
  readonly offices: readonly { readonly name: string; readonly domains: readonly string[]; readonly mails: number }[];
  readonly people: Readonly<Record<string, string>>;
  readonly aliases: readonly string[];
  readonly leftOut: readonly string[];
}

async function preview({ offices, people, aliases, leftOut }: QmailPlan): Promise<Result> {
  const counted = [];
  for (const office of offices)
    counted.push({ name: office.name, domains: office.domains, mails: (await queueFiles(office)).length });
  return {
    offices: counted,
    people: Object.fromEntries(people),
    aliases: aliases.map(({ address }) => address),
    leftOut,
  };
}

async function apply(hub: Hub, plan: QmailPlan): Promise<Result> {
  const leftOut = [...plan.leftOut];
  await hub.directory.refresh();
  const edit = async (what: string, wanted: Edit): Promise<boolean> => {
    try {
      await hub.directory.edit(wanted);
      return true;
    } catch (error) {
      if (!(error instanceof EditError)) throw error;
      leftOut.push(`${what}: ${error.message}`);
      return false;
    }
  };
  for (const { name, domains } of plan.offices)
    if (!hub.directory.office(name))
      await edit(`office ${name}`, { do: 'office.add', office: name, domains, keyId: newKeyId() });
  for (const [address, post] of plan.people)
    if (!hub.directory.current.users.has(address)) await edit(address, { do: 'user.add', address, post });
  const aliases: string[] = [];
  for (const alias of plan.aliases)
    if (await edit(alias.address, { do: 'alias.set', aliases: [alias] })) aliases.push(alias.address);
  const offices = [];
  for (const office of plan.offices) {
    const { mails, left } = await takeQueue(hub, office);
    leftOut.push(...left);
    offices.push({ name: office.name, domains: office.domains, mails });
  }
  return { offices, people: Object.fromEntries(plan.people), aliases, leftOut };
}

function describe(plan: QmailPlan, result: Result, applied: boolean): readonly string[] {
  const people = Object.entries(result.people);
  return [
    ...result.offices.map(
      ({ name, domains, mails }) =>
        `office ${name.padEnd(16)} ${domains.join(' ')}  ${mails} ${mails === 1 ? 'mail' : 'mails'} ${applied ? 'taken over' : 'wait'}`,
    ),
    ...people.map(([address, post]) => `person ${address.padEnd(32)} ${post}`),
    ...plan.aliases.map(({ address, targets }) => `alias  ${address} -> ${targets.join(', ')}`),
    ...result.leftOut.map((line) => `left out: ${line}`),
    applied
      ? "done. 'hub office rekey NAME' prints the token that an office enrols with. Do not let the old qmail send its queues any more"
      : 'nothing is changed; the same with --apply does it',
  ];
}
