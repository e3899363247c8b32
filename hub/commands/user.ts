/** `hub user …`: who is posted where. */
import { foldAddress, splitAddress } from '../../shared/core/address.ts';
import { placeName } from '../../shared/core/directory-words.ts';
import { makeAccount, readAccounts, writeAccounts } from '../../shared/io/accounts.ts';
import { type Call, EXIT, Exit } from '../../shared/io/command-line.ts';
import { newPassword, passwordOf } from '../../shared/io/password.ts';
import { editDirectory } from '../edit-directory.ts';
import type { Hub, HubCommand } from '../hub.ts';
import { finishMoves, type MoveResult, moveUser } from '../move-user.ts';
import { ownerOf } from '../people.ts';

const POSTS = `OFFICE may be hub, for a mailbox kept at the hub, or internet, for an address in a domain of ours that somebody else serves. A
name without a domain is completed; @example.org means everybody there.`;

export const userCommands: readonly HubCommand[] = [
  {
    words: 'user add',
    usage: 'ADDRESS OFFICE',
    summary: 'posts somebody to an office; every office knows at its next trip',
    help: `${POSTS}

  hub user add farid@example.org herat`,
    takes: [2, 2],
    run: async (hub, { positionals: [name = '', post = ''], out }) => {
      await finishMoves(hub);
      const address = complete(hub, name);
      await editDirectory(hub, { do: 'user.add', address, post });
      out(`${address} is posted to ${placeName(post)}`);
      return EXIT.ok;
    },
  },
  {
    words: 'user move',
    usage: 'ADDRESS OFFICE [--json]',
    summary: 'posts somebody elsewhere, and moves what waits for them',
    help: `${POSTS}

Mail that is on its way to the old office at this moment is sent back from there by itself.

  hub user move holly@example.org mazar`,
    takes: [2, 2],
    reports: true,
    run: async (hub, call) => {
      const [name = '', post = ''] = call.positionals;
      const address = complete(hub, name);
      const result = await moveUser(hub, address, post);
      report(call, { address, post, ...result });
      return result.left > 0 ? EXIT.later : EXIT.ok;
    },
  },
  {
    words: 'user remove',
    usage: 'ADDRESS',
    summary: 'takes somebody out of the directory: mail for them is refused from now on',
    help: 'What waits for them already still goes to their office, which answers it.',
    takes: [1, 1],
    run: async (hub, { positionals: [name = ''], out }) => {
      await finishMoves(hub);
      const address = complete(hub, name);
      await editDirectory(hub, { do: 'user.remove', address });
      out(`${address} is no user any more`);
      return EXIT.ok;
    },
  },
  {
    words: 'user password',
    usage: 'ADDRESS [--password-stdin] [--remove]',
    summary:
      'lets somebody of headquarters send and read at the hub with a password, which is printed; again for a new one',
    help: `For people posted to hub, by the listeners submission, submissions and pop3s. Who is posted to an office has a password there
('agent user add').

  --password-stdin  the password is the first line of standard input
  --remove          takes the password away; the mail stays

  hub user password akbar@example.org`,
    options: { 'password-stdin': { type: 'boolean' }, remove: { type: 'boolean' } },
    takes: [1, 1],
    run: async (hub, call) => setPassword(hub, call),
  },
  {
    words: 'user list',
    usage: '[OFFICE] [--json]',
    summary: 'shows who is posted where',
    takes: [0, 1],
    reports: true,
    run: async (hub, { positionals: [only], json, out }) => {
      await hub.directory.refresh();
      const users = [...hub.directory.current.users]
        .filter(([, post]) => only === undefined || post === only)
        .sort(([one], [other]) => (one < other ? -1 : 1));
      if (json) out(JSON.stringify(users.map(([address, office]) => ({ address, office }))));
      else for (const [address, office] of users) out(`${address.padEnd(32)} ${office}`);
      return EXIT.ok;
    },
  },
];

function complete({ config }: Hub, name: string): string {
  return foldAddress(name.includes('@') ? name : `${name}@${config.domain}`);
}

async function setPassword(
  hub: Hub,
  { positionals: [name = ''], options, out, readFile }: Call,
): Promise<typeof EXIT.ok> {
  const address = complete(hub, name);
  await hub.directory.refresh();
  const mailbox = ownerOf(hub, address);
  const accounts = new Map(await readAccounts(hub.store));
  if (options.remove === true) {
    if (!accounts.delete(mailbox ?? splitAddress(address).local))
      throw new Exit(EXIT.data, `${address} has no password here`);
    await writeAccounts(hub.store, accounts);
    out(`${address} can no longer send or read at the hub; the mail stays`);
    return EXIT.ok;
  }
  if (mailbox === undefined)
    throw new Exit(EXIT.data, `${address} has no mailbox at the hub: 'hub user add ${address} hub' makes one`);
  const given = options['password-stdin'] === true;
  const password = given ? passwordOf(await readFile('-')) : newPassword();
  await writeAccounts(hub.store, accounts.set(mailbox, await makeAccount(password)));
  out(given ? `${address} may send and read at the hub` : `password of ${mailbox}: ${password}`);
  return EXIT.ok;
}

function report({ json, out }: Call, result: MoveResult & { readonly address: string; readonly post: string }): void {
  const { address, post, moved, inFlight, left } = result;
  if (json) {
    out(JSON.stringify({ address, office: post, moved, inFlight, left }));
    return;
  }
  out(`${address} is posted to ${placeName(post)}; ${moved} waiting mails have moved`);
  if (inFlight > 0) out(`${inFlight} more may have reached the old office already; it sends them back by itself`);
  if (left > 0) out(`${left} more could not be moved now (the log says why): run the same command again`);
}
