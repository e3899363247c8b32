/** `hub user …`: who is posted where. */
import { foldAddress } from '../../shared/core/address.ts';
import { placeName } from '../../shared/core/directory-words.ts';
import { type Call, EXIT } from '../../shared/io/command-line.ts';
import { editDirectory } from '../edit-directory.ts';
import type { Hub, HubCommand } from '../hub.ts';
import { finishMoves, type MoveResult, moveUser } from '../move-user.ts';

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
