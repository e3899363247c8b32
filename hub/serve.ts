/** `hub serve`: opens the hub, runs every listener of the configuration, and stops without losing what is in hand. */
import { EXIT, Exit } from '../shared/io/command-line.ts';
import { expire } from '../shared/io/expire.ts';
import type { Log } from '../shared/io/log.ts';
import { startAdmin } from './admin.ts';
import { startCarriers } from './carriers.ts';
import type { HubConfig } from './config.ts';
import { dropGoneHeld } from './held-record.ts';
import type { Hub, HubCommand, Service } from './hub.ts';
import { startLeading } from './leading.ts';
import { HeldElsewhere } from './leases.ts';
import { startMailPrograms } from './mail-programs.ts';
import { finishMoves } from './move-user.ts';
import { dataFolder, lockData, openHub } from './open-hub.ts';
import { startQmtp } from './qmtp.ts';
import { startRelay } from './relay.ts';
import { startRequests } from './requests.ts';
import { removeRunFile, writeRunFile } from './run-file.ts';
import { startSilentOffice } from './silent-office.ts';
import { startSmtp } from './smtp.ts';
import { startSync } from './sync.ts';
import { startWatch } from './watch.ts';

/** Time that a stop may take, below what systemd waits. */
const CLOSE_SECONDS = 20;

interface Serving {
  readonly commands: readonly HubCommand[];
  readonly log: Log;
  /** Resolves when the hub shall stop. */
  readonly stop: Promise<unknown>;
  /** Called once with the ready line. */
  ready(line: string): void;
}

/** Serves until told to stop. */
export async function serve(config: HubConfig, { commands, log, stop, ready }: Serving): Promise<number> {
  const lock = await lockData(config);
  if (!lock)
    throw new Exit(
      EXIT.later,
      `another hub serves ${dataFolder(config)}: stop it first, or give this one a \`data\` of its own`,
    );
  const listening = new Map<string, string>();
  const hub = await openHub(config, log, listening);
  const services: Service[] = [];
  try {
    await hub.hubs.join();
    for (const start of starters(commands)) services.push(...(await start(hub)));
    for (const { name, address } of services) if (address) listening.set(name, address);
    const listen = Object.fromEntries(listening);
    await writeRunFile(dataFolder(config), { pid: process.pid, listen });
    ready(JSON.stringify({ event: 'ready', listen }));
    log.info('the hub serves', listen);
    const signal = await stop;
    log.info('stopping: no new work is taken, what is in hand is finished', { signal: String(signal) });
  } finally {
    await Promise.all(services.map((service) => service.close(CLOSE_SECONDS)));
    await hub.hubs.leave();
    await removeRunFile(dataFolder(config));
    await lock.release();
  }
  return EXIT.ok;
}

type Starter = (hub: Hub) => Promise<readonly Service[]>;

const starters = (commands: readonly HubCommand[]): readonly Starter[] => [
  // Before any trip: mail that was moved and not yet taken away at the old office would travel twice.
  async (hub) => {
    try {
      await finishMoves(hub);
    } catch (error) {
      // Each trip looks again, before it offers anything.
      if (!(error instanceof HeldElsewhere)) throw error;
    }
    return [];
  },
  async (hub) => [await startAdmin(hub, commands, hub.config.listen.admin ?? '127.0.0.1:0')],
  startSync,
  startQmtp,
  startSmtp,
  startMailPrograms,
  async (hub) => [
    startRequests(hub),
    startCarriers(hub),
    startLeading(hub, [startRelay, startSilentOffice, startWatch, startExpiry]),
  ],
];

const DAY_MS = 86_400_000;

/** Forgets, at start and once a day, answers that nobody can ask for any more; each time a bounded piece of the work. */
function startExpiry(hub: Hub): Service {
  const run = () =>
    forgetOld(hub).catch((error: Error) =>
      hub.log.warn('old answers could not be cleared away; tried again tomorrow', { error: error.message }),
    );
  let last = run();
  const timer = setInterval(() => {
    last = run();
  }, DAY_MS);
  return {
    name: 'expiry',
    close: async () => {
      clearInterval(timer);
      await last;
    },
  };
}

async function forgetOld(hub: Hub): Promise<void> {
  await expire(hub.place, hub.now());
  for (const office of hub.directory.current.offices.keys()) await dropGoneHeld(hub, office);
}
