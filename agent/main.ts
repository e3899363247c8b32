#!/usr/bin/env node
/** The agent's command line. Invoked as `sendmail`, it is `agent send`. */
import { basename } from 'node:path';
import { type Program, runProgram } from '../shared/io/command-line.ts';
import { stderrLog } from '../shared/io/log.ts';
import { serviceManager } from '../shared/io/service-manager.ts';
import { stopSignal } from '../shared/io/stop-signal.ts';
import type { Agent, Desk } from './agent.ts';
import { batchCommands } from './batch-commands.ts';
import { checkCommand } from './check.ts';
import { loadAgentConfig } from './config.ts';
import { enrolCommand } from './enrol.ts';
import { fsckCommand } from './fsck.ts';
import { fetchCommand, heldCommand } from './held.ts';
import { openAgent } from './open-agent.ts';
import { pageCommand } from './page-password.ts';
import { queueCommand } from './queue.ts';
import { runCommand } from './run.ts';
import { sendCommand } from './send.ts';
import { sendmailArguments } from './sendmail-arguments.ts';
import { statusCommand } from './status.ts';
import { syncCommand } from './sync-command.ts';
import { userCommands } from './user.ts';

// Sealing works in the pool in which Node also reads, writes and syncs files: with its usual four threads a note would
// wait behind a compression, and what a kill in between makes uncertain would grow. Read by Node at its first use.
process.env.UV_THREADPOOL_SIZE ??= '16';

const log = stderrLog('agent');

function deskOf(configFile: string): Desk {
  let opened: Promise<Agent> | undefined;
  const load = () => loadAgentConfig(configFile);
  return {
    configFile,
    log,
    get stdin() {
      return process.stdin;
    },
    load,
    open: () => {
      opened ??= openAgent(load(), log);
      return opened;
    },
    stop: stopSignal,
    manager: serviceManager(process.env, log),
    say: (line) => process.stderr.write(`agent: ${line}\n`),
    progress: (line) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
    },
  };
}

const PROGRAM: Program<Desk> = {
  name: 'agent',
  summary: 'the Fieldpost agent: mail for an office that the Internet does not reach',
  defaultConfig: '/etc/fieldpost/agent.toml',
  commands: [
    enrolCommand,
    syncCommand,
    runCommand,
    sendCommand,
    statusCommand,
    queueCommand,
    heldCommand,
    fetchCommand,
    ...batchCommands,
    ...userCommands,
    pageCommand,
    checkCommand,
    fsckCommand,
  ],
  open: async (file) => deskOf(file),
};

function commandLine([, program = '', ...words]: readonly string[]): readonly string[] {
  if (basename(program) === 'sendmail') return ['send', ...sendmailArguments(words)];
  return words[0] === 'send' ? ['send', ...sendmailArguments(words.slice(1))] : words;
}

process.on('unhandledRejection', (reason) => {
  log.error('a part failed in a way that nobody foresaw; the agent goes on', {
    error: reason instanceof Error ? String(reason.stack) : String(reason),
  });
});

runProgram(PROGRAM, () => commandLine(process.argv)).then((code) => {
  process.exitCode = code;
});
