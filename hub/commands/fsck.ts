/** `hub fsck`: looks through the store of the hub, and repairs it. It opens nothing else, since nothing else may work. */
import { ACCOUNTS } from '../../shared/io/accounts.ts';
import { type Call, type Command, EXIT, Exit } from '../../shared/io/command-line.ts';
import { ConfigError } from '../../shared/io/config.ts';
import { Fsck, type Kind } from '../../shared/io/fsck.ts';
import { FSCK, FSCK_HELP, fsckReport } from '../../shared/io/fsck-command.ts';
import { forgetUnheld } from '../../shared/io/fsck-copied.ts';
import { checkFolder, checkSecretFile } from '../../shared/io/fsck-folder.ts';
import { checkKept, checkStaged, mailKinds } from '../../shared/io/fsck-mail.ts';
import { recordKind } from '../../shared/io/fsck-record.ts';
import { tripKinds } from '../../shared/io/fsck-trips.ts';
import { StoreError } from '../../shared/io/store.ts';
import { SAID } from '../alerts.ts';
import { CHANGE } from '../audit.ts';
import type { HubConfig } from '../config.ts';
import { CONTACT } from '../contact.ts';
import { ASKED } from '../day-limit.ts';
import { directoryKinds } from '../fsck-directory.ts';
import { checkHeldMails, heldKind } from '../fsck-held.ts';
import { openDirectory } from '../live-directory.ts';
import { MOVE } from '../move-user.ts';
import { readSecret } from '../office-key.ts';
import { lockData, openHubStore, readHubStore, storeFolder } from '../open-hub.ts';
import { anotherBeats } from '../other-hubs.ts';

export const fsckCommand: Command<HubConfig> = {
  ...FSCK,
  words: 'fsck',
  summary: 'looks through all that the hub keeps, says what is wrong, and repairs it',
  help: FSCK_HELP,
  run: async (config, call) => {
    const lock = await lockData(config);
    try {
      if (call.options.repair && !lock)
        throw new Exit(EXIT.later, "a hub serves this store: stop it first ('systemctl stop fieldpost-hub')");
      // To look is no reason to keep a hub from starting.
      if (!call.options.repair) await lock?.release();
      return await fsck(config, call, lock !== undefined);
    } finally {
      if (call.options.repair) await lock?.release();
    }
  },
};

async function fsck(config: HubConfig, call: Call, alone: boolean): Promise<number> {
  const { repair = false, copied, quick = false } = call.options;
  const report = fsckReport(call, 'hub');
  const store = await (repair ? openHubStore(config) : readHubStore(config));
  if (repair && (await anotherBeats(store)))
    throw new Exit(EXIT.later, 'another hub works on this store: stop it first (hub status there names it)');
  const now = Math.floor(Date.now() / 1_000);
  const run = new Fsck({ store, now, repair: repair === true, alone, quick: quick === true, found: report.found });
  await checkSecretFile(run, config.secret_file, 'put back your copy, or every office has to be enrolled again');
  const { dkim } = config;
  if (dkim) await checkSecretFile(run, dkim.key_file, "put it back, or 'hub dkim' makes a new one");
  const secret = await readSecret(config.secret_file).catch((error: unknown) => foundBadSecret(run, config, error));
  await checkStaged(run);
  if (copied) await forgetUnheld(run);
  const offices = new Set<string>();
  await run.run(hubKinds(run, { secret, secretFile: config.secret_file, offices }));
  if (secret) await checkHeldMails(run, secret, offices);
  await checkOffices(run, config, offices);
  const root = storeFolder(config);
  if (root !== undefined) await checkFolder(run, { root, others: OTHERS });
  return report.end(run);
}

/** A mail program may have files of its own in these. */
const OTHERS =
  /^(?:mailbox\/[^/]+\/(?!new$|cur$|new\/|cur\/)|office\/[^/]+\/tmp$|internet\/tmp$|fetch\/[^/]+\/tmp$|partial$)/;

async function foundBadSecret(run: Fsck, { secret_file: key }: HubConfig, error: unknown): Promise<undefined> {
  if (!(error instanceof ConfigError)) throw error;
  // Its mode is told of by itself.
  if (!error.message.includes('chmod')) await run.found({ weight: 'fault', key, text: error.message });
}

const OFFICE = 'office/([a-z0-9-]{1,32})';

interface HubKinds {
  readonly secret: Uint8Array | undefined;
  readonly secretFile: string;
  /** Filled with the names that have a folder. */
  readonly offices: Set<string>;
}

function hubKinds(run: Fsck, { offices, ...held }: HubKinds): readonly Kind[] {
  const known = mailKinds(run, {
    waiting: new RegExp(`^(?:${OFFICE}|internet|fetch/[a-z0-9-]{1,32})/(?:new|cur)/[^/]+$`),
    notes: /^(office\/[a-z0-9-]{1,32}|internet)\/note\/[0-9a-f]{64}$/,
    mailboxes: /^mailbox\//,
  }).map((kind): Kind => {
    const { check } = kind;
    if (kind.what !== 'waiting mails' || !check) return kind;
    return {
      ...kind,
      check: (object, match) => {
        if (match[1] !== undefined) offices.add(match[1]);
        return check(object, match);
      },
    };
  });
  return [
    ...known,
    {
      what: 'mails kept for a laptop that is replaced',
      keys: new RegExp(`^${OFFICE}/(?:delivered|originals)/\\d{6}/`),
      check: (object) => checkKept(run, object),
    },
    ...tripKinds(run, {
      state: new RegExp(`^${OFFICE}/trip(?:s/\\d{12})?$`),
      histories: new RegExp(`^${OFFICE}/history/(?:up|down)/\\d{12}$`),
      parts: new RegExp(`^${OFFICE}/parts/(?:up|down)/`),
      withoutState: 'the next laptop that calls for this office is taken, and numbers start again; no mail comes twice',
    }),
    heldKind(run, held),
    recordKind(run, {
      what: 'records of contact',
      keys: new RegExp(`^${OFFICE}/contact$`),
      schema: CONTACT,
      means: 'the sums of its months begin anew',
    }),
    recordKind(run, {
      what: 'days of requests',
      keys: new RegExp(`^${OFFICE}/asked/[0-9a-f]{32}$`),
      schema: ASKED,
      means: 'that person may ask for a full day more',
    }),
    recordKind(run, {
      what: 'moves under way',
      keys: /^moving\/[0-9a-f]{32}$/,
      schema: MOVE,
      means: "'hub user list' says who is where; what waits at the old post is moved by 'hub user move' back and forth",
    }),
    recordKind(run, {
      what: 'accounts',
      keys: /^accounts$/,
      schema: ACCOUNTS,
      means: "'hub user password ADDRESS' gives each person a password again",
    }),
    recordKind(run, {
      what: 'records of alerts',
      keys: /^alerts$/,
      schema: SAID,
      means: 'what is still so is said once more',
    }),
    recordKind(run, {
      what: 'changes that are told',
      keys: /^audit\/\d{10}$/,
      schema: CHANGE,
      means: "'hub audit' lacks it; the directory itself has it",
    }),
    ...directoryKinds(run),
    { what: 'frames in part', keys: new RegExp(`^${OFFICE}/partial/|^partial/`) },
    {
      what: 'small things',
      keys: /^(?:hub|lease|silent|sweep|check|fieldpost-probe|spool|report)\/|^office\/[a-z0-9-]{1,32}\/(?:links|told)$|^run\.json$/,
    },
    { what: 'things in lost+found', keys: /^lost\+found\// },
  ];
}

/** Mail of an office that the directory does not know: it was added after the backup that is used now. */
async function checkOffices(run: Fsck, config: HubConfig, offices: ReadonlySet<string>): Promise<void> {
  try {
    const { current } = await openDirectory(run.store, config);
    for (const office of offices)
      if (!current.offices.has(office))
        await run.found({
          weight: 'fault',
          key: `office/${office}`,
          text: `mail for an office that the directory does not know: 'hub office add ${office}', and enrol it with that token`,
        });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    await run.found({ weight: 'fault', key: 'directory', text: `it cannot be read: ${error.message}` });
  }
}
