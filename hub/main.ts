#!/usr/bin/env node
/** The hub's command line. */
import { type Call, type Command, EXIT, Exit, runProgram } from '../shared/io/command-line.ts';
import { stderrLog } from '../shared/io/log.ts';
import { serviceManager } from '../shared/io/service-manager.ts';
import { stopSignal } from '../shared/io/stop-signal.ts';
import { aliasCommands } from './commands/alias.ts';
import { auditCommands } from './commands/audit.ts';
import { batchCommands } from './commands/batch.ts';
import { checkCommand } from './commands/check.ts';
import { dkimCommand } from './commands/dkim.ts';
import { fsckCommand } from './commands/fsck.ts';
import { importQmailCommands } from './commands/import-qmail.ts';
import { officeCommands } from './commands/office.ts';
import { pageCommands } from './commands/page.ts';
import { pushCommands } from './commands/push.ts';
import { queueCommands } from './commands/queue.ts';
import { reportCommands } from './commands/report.ts';
import { type SetupContext, setupCommand } from './commands/setup.ts';
import { statusCommands } from './commands/status.ts';
import { userCommands } from './commands/user.ts';
import { type HubConfig, loadHubConfig } from './config.ts';
import { forward } from './forward.ts';
import type { HubCommand } from './hub.ts';
import { deriveAdminToken, loadMasterSecret } from './office-key.ts';
import { dataFolder, lockData, openHub } from './open-hub.ts';
import { isPartsThread } from './parts-thread.ts';
import { readRunFile } from './run-file.ts';
import { serve } from './serve.ts';

// Sealing works in the pool in which Node also reads, writes and syncs files: with its usual four threads a note would
// wait behind a compression, and what a kill in between makes uncertain would grow. Read by Node at its first use.
process.env.UV_THREADPOOL_SIZE ??= '16';

const log = stderrLog('hub');

const hubCommands: readonly HubCommand[] = [
  ...statusCommands,
  ...officeCommands,
  ...userCommands,
  ...aliasCommands,
  ...queueCommands,
  ...pushCommands,
  ...batchCommands,
  ...reportCommands,
  ...auditCommands,
  ...pageCommands,
  ...importQmailCommands,
];

const serveCommand: Command<HubConfig> = {
  words: 'serve',
  usage: '',
  summary: 'runs all listeners of the configuration',
  help: 'When every listener accepts, one line is printed on stdout: {"event":"ready","listen":{…}}. Logs go to stderr.',
  takes: [0, 0],
  run: (config, call) => {
    const manager = serviceManager(process.env, log);
    const ready = (line: string): void => {
      call.out(line);
      manager.ready('serves');
    };
    return serve(config, { commands: hubCommands, log, stop: stopSignal(), ready });
  },
};

/** All but `hub setup` need the configuration that it writes. */
const configured = (command: Command<HubConfig>): Command<SetupContext> => ({
  ...command,
  run: async ({ file }, call) => command.run(loadHubConfig(file), call),
});

/** A command runs inside the serving hub when there is one, else here, alone on the store. */
const anywhere = (command: HubCommand): Command<HubConfig> => ({
  ...command,
  run: async (config, call) => (await runInServingHub(command, config, call)) ?? (await runHere(command, config, call)),
});

async function runInServingHub({ words }: HubCommand, config: HubConfig, call: Call): Promise<number | undefined> {
  const run = await readRunFile(dataFolder(config));
  const admin = run?.listen.admin;
  if (!admin) return undefined;
  return forward(admin, deriveAdminToken(await loadMasterSecret(config.secret_file)), { words, call });
}

/** Another command may be at it: it is short, so wait for it a little. */
const LOCK_TRIES = 50;

async function runHere(command: HubCommand, config: HubConfig, call: Call): Promise<number | undefined> {
  for (let tries = 0; tries < LOCK_TRIES; tries++) {
    const lock = await lockData(config);
    if (lock) {
      try {
        const hub = await openHub(config, log);
        try {
          return await command.run(hub, call);
        } finally {
          await hub.hubs.leave();
        }
      } finally {
        await lock.release();
      }
    }
    const code = await runInServingHub(command, config, call);
    if (code !== undefined) return code;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Exit(EXIT.later, `another hub process works on ${dataFolder(config)} and does not answer; try again`);
}

process.on('unhandledRejection', (reason) => {
  log.error('a part failed in a way that nobody foresaw; the hub goes on', {
    error: reason instanceof Error ? String(reason.stack) : String(reason),
  });
});

const hubsCommands = [serveCommand, checkCommand, dkimCommand, fsckCommand, ...hubCommands.map(anywhere)];

// In its thread the program's file takes mails apart, and does nothing else.
if (!isPartsThread())
  runProgram<SetupContext>(
    {
      name: 'hub',
      summary: 'the Fieldpost hub: carries mail between field offices and the Internet',
      defaultConfig: '/etc/fieldpost/hub.toml',
      commands: [setupCommand, ...hubsCommands.map(configured)],
      open: async (file) => ({ file }),
    },
    process.argv.slice(2),
  ).then((code) => {
    process.exitCode = code;
  });
