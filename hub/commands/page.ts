/** `hub page password`: who may see and use the hub's page. */
import { makeAccount, readAccounts, writeAccounts } from '../../shared/io/accounts.ts';
import { EXIT } from '../../shared/io/command-line.ts';
import { newPassword, passwordOf } from '../../shared/io/password.ts';
import type { HubCommand } from '../hub.ts';
import { PAGE_ACCOUNT } from '../people.ts';

export const pageCommands: readonly HubCommand[] = [
  {
    words: 'page password',
    usage: '[--password-stdin]',
    summary: "makes the password of the hub's page, which is printed; again for a new one, which ends every session",
    help: `The page is on the admin port (listen.admin), which only this machine reaches. From elsewhere, through ssh:

  ssh -L 8026:127.0.0.1:8026 kabul.example.org     then open http://127.0.0.1:8026

  --password-stdin  the password is the first line of standard input

  hub page password`,
    options: { 'password-stdin': { type: 'boolean' } },
    takes: [0, 0],
    run: async (hub, { options, out, readFile }) => {
      const given = options['password-stdin'] === true;
      const password = given ? passwordOf(await readFile('-')) : newPassword();
      const accounts = new Map(await readAccounts(hub.store));
      await writeAccounts(hub.store, accounts.set(PAGE_ACCOUNT, await makeAccount(password)));
      out(given ? 'the page has a new password' : `password of the page: ${password}`);
      return EXIT.ok;
    },
  },
];
