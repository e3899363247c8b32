/** `agent run`: the office's daemon. Mail programs of the house, the queues of other mail servers, and the calls to the hub. */
import { EXIT, Exit } from '../shared/io/command-line.ts';
import { tryLock } from '../shared/io/lock.ts';
import type { Agent, AgentCommand, AgentService } from './agent.ts';
import { startFirewall } from './firewall.ts';
import { checkListeners } from './lan.ts';
import { startPop3 } from './pop3.ts';
import { startQmtp } from './qmtp.ts';
import { scanQueues } from './queue-maildir.ts';
import { type Schedule, startSchedule } from './schedule.ts';
import { startSmtp } from './smtp.ts';
import { serveLockName } from './status-report.ts';

/** Time that a stop may take, below what systemd waits. */
const CLOSE_SECONDS = 20;

export const runCommand: AgentCommand = {
  words: 'run',
  usage: '',
  summary: 'the daemon: SMTP and POP3 for the house, the status page, and syncs by schedule and when a link comes up',
  help: 'When every listener accepts, one line is printed on stdout: {"event":"ready","listen":{…}}. Logs go to stderr. SIGUSR1 asks\nfor a sync now; SIGTERM finishes or safely drops what is in hand.',
  takes: [0, 0],
  run: async (desk, { out }) => {
    const agent = await desk.open();
    const lock = await tryLock(await serveLockName(agent));
    if (!lock)
      throw new Exit(
        EXIT.later,
        `another 'agent run' serves ${agent.config.data}: stop it first, or give this one a data folder of its own`,
      );
    try {
      const ready = (line: string): void => {
        out(line);
        desk.manager.ready('serves');
      };
      await serve(agent, { stop: desk.stop(), ready });
    } finally {
      await lock.release();
    }
    return EXIT.ok;
  },
};

interface Serving {
  readonly stop: Promise<unknown>;
  ready(line: string): void;
}

async function serve(agent: Agent, { stop, ready }: Serving): Promise<void> {
  checkListeners(agent);
  const services: AgentService[] = [];
  try {
    for (const start of [startSmtp, startPop3, startQmtp]) services.push(...(await start(agent)));
    services.push(...(await startFirewall(agent)));
    const schedule = startSchedule(agent);
    services.push(schedule, ...(agent.config.queue.length > 0 ? [startQueues(agent)] : []), startSignal(schedule));
    services.push(...(await startPageIfWanted({ agent, schedule, listen: listenersOf(services) })));
    const listen = listenersOf(services);
    ready(JSON.stringify({ event: 'ready', listen }));
    agent.log.info('the agent serves', listen);
    const signal = await stop;
    agent.log.info('stopping: no new work is taken, what is in hand is finished', { signal: String(signal) });
  } finally {
    await Promise.all(services.map((service) => service.close(CLOSE_SECONDS)));
  }
}

/** host:port by name. */
const listenersOf = (services: readonly AgentService[]): Readonly<Record<string, string>> =>
  Object.fromEntries(services.flatMap(({ name, address }) => (address ? [[name, address]] : [])));

/** Loaded only where it is served: no other command needs it. */
async function startPageIfWanted(parts: {
  readonly agent: Agent;
  readonly schedule: Schedule;
  readonly listen: Readonly<Record<string, string>>;
}): Promise<readonly AgentService[]> {
  const { page } = parts.agent.config.listen;
  if (page === undefined) return [];
  const { startPage } = await import('./page/serve.ts');
  return [await startPage(parts, page)];
}

function startSignal(schedule: Schedule): AgentService {
  const asked = (): void => schedule.ask();
  process.on('SIGUSR1', asked);
  return { name: 'signal', close: async () => void process.off('SIGUSR1', asked) };
}

const QUEUES_MS = 10_000;

/** Looks into the queues of other mail servers now and then. */
function startQueues(agent: Agent): AgentService {
  let last: Promise<void> = Promise.resolve();
  const scan = (): void => {
    last = last
      .then(() => scanQueues(agent))
      .catch((error: Error) =>
        agent.log.warn('the queues could not be looked through; tried again', { error: error.message }),
      );
  };
  const timer = setInterval(scan, QUEUES_MS);
  scan();
  return {
    name: 'queues',
    close: async () => {
      clearInterval(timer);
      await last;
    },
  };
}
