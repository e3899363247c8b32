/** `agent fsck`: looks through the data folder, and repairs it. It opens nothing else, since nothing else may work. */
import { realpath } from 'node:fs/promises';
import { DirectoryError, decodeDirectory } from '../shared/core/public-directory.ts';
import { ACCOUNTS } from '../shared/io/accounts.ts';
import { type Call, EXIT, Exit } from '../shared/io/command-line.ts';
import { openFsStore, readFsStore } from '../shared/io/fs-store.ts';
import { Fsck, type Kind } from '../shared/io/fsck.ts';
import { FSCK, FSCK_HELP, fsckReport } from '../shared/io/fsck-command.ts';
import { forgetUnheld } from '../shared/io/fsck-copied.ts';
import { checkFolder, checkSecretFile } from '../shared/io/fsck-folder.ts';
import { checkStaged, mailKinds } from '../shared/io/fsck-mail.ts';
import { recordKind, textOf } from '../shared/io/fsck-record.ts';
import { tripKinds } from '../shared/io/fsck-trips.ts';
import { type Lock, tryLock } from '../shared/io/lock.ts';
import type { AgentCommand } from './agent.ts';
import type { AgentConfig } from './config.ts';
import { HELD } from './held.ts';
import { PAGE } from './page-password.ts';
import { SENT } from './sent.ts';
import { TRIPS } from './trips.ts';

export const fsckCommand: AgentCommand = {
  ...FSCK,
  words: 'fsck',
  summary: 'looks through all that this office keeps, says what is wrong, and repairs it',
  help: FSCK_HELP,
  run: async (desk, call) => {
    const config = desk.load();
    const locks = await lockAll(config);
    const release = async () => void (await Promise.all(locks.map((lock) => lock?.release())));
    const alone = locks.every((lock) => lock !== undefined);
    try {
      if (call.options.repair && !alone)
        throw new Exit(EXIT.later, "the agent is at work: stop it first ('systemctl stop fieldpost-agent')");
      // To look is no reason to keep anything from working.
      if (!call.options.repair) await release();
      return await fsck(config, call, alone);
    } finally {
      if (call.options.repair) await release();
    }
  },
};

/** Those of the daemon and of a sync. */
async function lockAll({ data }: AgentConfig): Promise<readonly (Lock | undefined)[]> {
  const folder = await realpath(data).catch(() => undefined);
  if (folder === undefined)
    throw new Exit(
      EXIT.unavailable,
      `${data} is not there: put it back from a backup, or 'agent enrol TOKEN' makes a new one`,
    );
  return Promise.all([tryLock(`fieldpost-agent ${folder}`), tryLock(`fieldpost-sync ${folder}`)]);
}

async function fsck(config: AgentConfig, call: Call, alone: boolean): Promise<number> {
  const { repair = false, copied, quick = false } = call.options;
  const report = fsckReport(call, 'agent');
  const store = await (repair
    ? openFsStore(config.data, { owner: 'agent' })
    : readFsStore(config.data, { owner: 'agent' }));
  const now = Math.floor(Date.now() / 1_000);
  const run = new Fsck({ store, now, repair: repair === true, alone, quick: quick === true, found: report.found });
  await checkSecretFile(run, config.key_file, "put it back, or 'agent enrol TOKEN' with a new token");
  await checkStaged(run);
  if (copied) await forgetUnheld(run);
  await run.run(agentKinds(run));
  await checkFolder(run, {
    root: config.data,
    others: /^(?:users\/[^/]+\/(?!new$|cur$|new\/|cur\/)|out\/tmp$|partial$)/,
  });
  return report.end(run);
}

const agentKinds = (run: Fsck): readonly Kind[] => [
  ...mailKinds(run, {
    waiting: /^out\/(?:new|cur)\/[^/]+$/,
    notes: /^(out)\/note\/[0-9a-f]{64}$/,
    mailboxes: /^users\//,
  }),
  ...tripKinds(run, {
    state: /^trip$/,
    histories: /^history\/(?:up|down)\/\d{12}$/,
    parts: /^parts\/(?:up|down)\//,
    withoutState: "this laptop counts as a new one: 'hub office readmit' at the hub lets it in",
  }),
  recordKind(run, {
    what: 'records of held mail',
    keys: /^held\/[0-9a-f]{64}\.[0-9a-f]{8}$/,
    schema: HELD,
    means: 'the summary in the mailbox still asks for it',
  }),
  recordKind(run, {
    what: 'accounts',
    keys: /^accounts$/,
    schema: ACCOUNTS,
    means: "'agent user add' gives each person a password again",
  }),
  recordKind(run, {
    what: 'records of syncs',
    keys: /^trips$/,
    schema: TRIPS,
    means: 'the record of past syncs, and what is left of budgets, begin anew',
  }),
  recordKind(run, {
    what: 'records of the page',
    keys: /^page$/,
    schema: PAGE,
    means: "'agent page password' makes a new password for the page",
  }),
  recordKind(run, {
    what: 'records of what was sent',
    keys: /^sent$/,
    schema: SENT,
    means: 'the page no longer tells where mail is that was sent before',
  }),
  directoryKind(run),
  { what: 'frames in part', keys: /^partial\// },
  { what: 'small things', keys: /^(?:hub-time|firewall|dialled|sweep\/.*|spool\/.*)$/ },
  { what: 'things in lost+found', keys: /^lost\+found\// },
];

const directoryKind = (run: Fsck): Kind => ({
  what: 'directories',
  keys: /^directory$/,
  check: async ({ key }) => {
    try {
      const text = await textOf(run, key);
      if (text !== undefined) decodeDirectory(Buffer.from(text));
    } catch (error) {
      if (!(error instanceof DirectoryError)) throw error;
      await run.lost({ key, text: 'damaged: the agent cannot start', means: 'the next sync brings it again' });
    }
  },
});
