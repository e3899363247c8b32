/**
 * The directory's log as fsck sees it. It is read forward from the newest snapshot; at a hole the reading ends, and an edit
 * that stands behind a hole would come into force when the hole is filled by quite another one. So edits behind a hole
 * go to lost+found, each with what it says.
 */
import type { Fsck, Kind } from '../shared/io/fsck.ts';
import { foundNewer, recordFault, textOf } from '../shared/io/fsck-record.ts';
import { EDIT, SNAPSHOT } from './directory-record.ts';
import { LOG, numbered } from './live-directory.ts';

export function directoryKinds(fsck: Fsck): readonly Kind[] {
  const edits = new Set<number>();
  const damaged = new Set<number>();
  let snapshot = 0;
  const numberOf = (key: string): number => Number(key.slice(key.lastIndexOf('/') + 1));
  return [
    {
      what: 'edits of the directory',
      keys: /^directory\/\d{10}$/,
      check: async ({ key }) => {
        const fault = await faultOf(fsck, key, EDIT);
        if (fault === 'newer') return foundNewer(fsck, key);
        edits.add(numberOf(key));
        if (fault) damaged.add(numberOf(key));
      },
    },
    {
      what: 'snapshots of the directory',
      keys: /^directory-snapshot\/\d{10}$/,
      check: async ({ key }) => {
        const fault = await faultOf(fsck, key, SNAPSHOT);
        if (fault === 'newer') return foundNewer(fsck, key);
        if (!fault) snapshot = Math.max(snapshot, numberOf(key));
        else
          await fsck.lost({
            key,
            text: 'a damaged snapshot: the hub cannot start',
            means: 'the edits before it are read instead',
          });
      },
      end: () => checkLog(fsck, { edits, damaged, snapshot }),
    },
  ];
}

async function faultOf(fsck: Fsck, key: string, schema: typeof EDIT | typeof SNAPSHOT) {
  const text = await textOf(fsck, key);
  const fault = text === undefined ? undefined : recordFault(schema, text);
  return fault === 'damaged' && isJson(text ?? '') ? 'newer' : fault;
}

/** What is cut off is no JSON; what is JSON, and no edit that we know, another version has written. */
function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

interface Log {
  readonly edits: ReadonlySet<number>;
  readonly damaged: ReadonlySet<number>;
  /** The newest that can be read; 0: none. */
  readonly snapshot: number;
}

async function checkLog(fsck: Fsck, { edits, damaged, snapshot }: Log): Promise<void> {
  const last = Math.max(0, ...edits);
  let end = snapshot + 1;
  while (edits.has(end) && !damaged.has(end)) end += 1;
  for (let version = end; version <= last; version += 1) {
    if (!edits.has(version)) continue;
    const key = numbered(LOG, version);
    const said = damaged.has(version) ? 'it cannot be read' : `it says ${await textOf(fsck, key)}`;
    await fsck.lost({
      key,
      text: damaged.has(version)
        ? 'a damaged edit of the directory: the hub cannot start'
        : `behind a hole in the directory's log: edit ${end} is missing`,
      means: `${said}; type it again if it is still wanted ('hub office list', 'hub user list', 'hub alias list')`,
    });
  }
  for (const version of damaged)
    if (version <= snapshot)
      await fsck.lost({
        weight: 'note',
        key: numbered(LOG, version),
        text: 'a damaged edit of the directory',
        means: 'a later snapshot holds what it said',
      });
}
