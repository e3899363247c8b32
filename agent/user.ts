/** `agent user`: who may submit and read here with a password. Who is posted here is the hub's business. */
import { join } from 'node:path';
import { splitAddress } from '../shared/core/address.ts';
import { isMailboxName } from '../shared/core/directory.ts';
import { makeAccount, readAccounts, writeAccounts } from '../shared/io/accounts.ts';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import { newPassword, passwordOf } from '../shared/io/password.ts';
import { type Agent, type AgentCommand, userMaildir } from './agent.ts';
import { alone } from './alone.ts';
import { ownerOf } from './people.ts';

export const userCommands: readonly AgentCommand[] = [
  {
    words: 'user add',
    usage: 'NAME [--password-stdin]',
    summary: 'lets somebody send and read with a password, which is printed; again for a new one',
    help: "  --password-stdin  the password is the first line of standard input\n\nNAME is what the mail program logs in with; so is each address that leads to it. Who is posted here is said at the hub:\n'hub user add farid@example.org herat'.\n\n  agent user add farid",
    options: { 'password-stdin': { type: 'boolean' } },
    takes: [1, 1],
    run: async (desk, call) => add(await desk.open(), call),
  },
  {
    words: 'user remove',
    usage: 'NAME',
    summary: "takes somebody's password away; the mail stays",
    takes: [1, 1],
    run: async (desk, call) => remove(await desk.open(), call),
  },
  {
    words: 'user list',
    usage: '[--json]',
    summary: 'lists who has a password here, and who is posted here',
    takes: [0, 0],
    reports: true,
    run: async (desk, call) => list(await desk.open(), call),
  },
];

async function add(agent: Agent, { positionals: [name = ''], options, out, readFile }: Call): Promise<undefined> {
  if (!isMailboxName(name))
    throw new Exit(EXIT.data, `"${name}" is no user name: a-z, 0-9, dot, - and _, such as farid; not an address`);
  const given = options['password-stdin'] === true;
  const password = given ? passwordOf(await readFile('-')) : newPassword();
  const account = await makeAccount(password);
  await alone(agent, 'accounts', async () =>
    writeAccounts(agent.store, new Map(await readAccounts(agent.store)).set(name, account)),
  );
  if (ownerOf(agent, `${name}@${agent.directory().domain}`) !== name)
    out(
      `mail to ${name}@${agent.directory().domain} comes here once the hub's operator says 'hub user add ${name}@${agent.directory().domain} ${agent.config.office}'`,
    );
  out(given ? `${name} may send and read here` : `password of ${name}: ${password}`);
}

async function remove(agent: Agent, { positionals: [name = ''], out }: Call): Promise<undefined> {
  await alone(agent, 'accounts', async () => {
    const accounts = new Map(await readAccounts(agent.store));
    if (!accounts.delete(name))
      throw new Exit(EXIT.data, `${name} has no password here; 'agent user list' shows who has`);
    await writeAccounts(agent.store, accounts);
  });
  out(`${name} can no longer send or read here; the mail stays in ${join(agent.config.data, userMaildir(name))}`);
}

async function list(agent: Agent, { json, out }: Call): Promise<undefined> {
  const people = peopleOf(agent);
  if (json) out(JSON.stringify({ users: people }));
  else if (people.length === 0)
    out("nobody yet: 'agent user add NAME' makes a password; who is posted here is said at the hub");
  else
    for (const { name, password, posted } of people)
      out(
        `${name.padEnd(20)} ${password ? 'has a password' : 'no password'}${posted ? `, posted here as ${posted}` : ''}`,
      );
}

interface Person {
  readonly name: string;
  readonly password: boolean;
  /** The address that the directory posts here. */
  readonly posted?: string;
}

function peopleOf(agent: Agent): readonly Person[] {
  const accounts = agent.accounts();
  const posted = new Map<string, string>();
  for (const [address, post] of agent.directory().users)
    if (post === agent.config.office && splitAddress(address).local !== '')
      posted.set(ownerOf(agent, address) ?? splitAddress(address).local, address);
  return [...new Set([...accounts.keys(), ...posted.keys()])].sort().map((name) => {
    const address = posted.get(name);
    return { name, password: accounts.has(name), ...(address === undefined ? {} : { posted: address }) };
  });
}
