/** Deliberate faults: each breaks one promise of the product, and a world has to show it. */
import type { Change } from '../load.ts';

export interface Mutant {
  readonly name: string;
  /** What the product does then. */
  readonly what: string;
  readonly changes: readonly Change[];
}

const mutant = (name: string, what: string, ...changes: readonly Change[]): Mutant => ({ name, what, changes });
const change = (file: string, from: string, to: string): Change => ({ file, from, to });

const ACCEPT: readonly Mutant[] = [
  mutant(
    'publish-before-seen',
    'shows a mail to its readers before it remembers the answers',
    change(
      'shared/io/accept.ts',
      '    await stageAll(store, copies);\n    if (!',
      '    await stageAll(store, copies);\n    await publishAll(place, record.keys);\n    if (!',
    ),
  ),
  mutant(
    'no-memory',
    'remembers no answer',
    change('shared/io/seen.ts', 'if (store.create) return store.create(key, body);', 'if (store.create) return true;'),
  ),
  mutant(
    'seen-before-staging',
    'remembers the answers before the files are there',
    change('shared/io/accept.ts', '    await stageAll(store, copies);\n    if (!', '    if (!'),
    change(
      'shared/io/accept.ts',
      '    await publishAll(place, record.keys);\n  }\n  for',
      '    await stageAll(store, copies);\n    await publishAll(place, record.keys);\n  }\n  for',
    ),
  ),
  mutant(
    'yes-without-store',
    'says yes when the store has failed',
    change('shared/io/accept.ts', 'answers.get(recipient) ?? NO_STORE', "answers.get(recipient) ?? accepted('ok')"),
  ),
  mutant(
    'recover-discards',
    'throws away at its start what was accepted',
    change('shared/io/recover.ts', '  await stray.publish();', '  await stray.discard();'),
  ),
  mutant(
    'recover-publishes',
    'publishes at its start what nobody vouches for',
    change('shared/io/recover.ts', '    await stray.discard();', '    await stray.publish();'),
  ),
  mutant(
    'unvouched-entries',
    'takes from a bucket what has not been accepted',
    change(
      'shared/io/maildir.ts',
      'return (await takeable(store, key)) ? readEntry(store, key) : undefined;',
      'return readEntry(store, key);',
    ),
  ),
  mutant(
    'unvouched-mailbox',
    'shows people on a bucket what has not been accepted',
    change('shared/io/mailbox.ts', '(await takeable(this.#store, key))', '(await takeable(this.#store, key) || true)'),
  ),
  mutant(
    'publish-untold',
    'tells nobody of files that were published beside one that failed',
    change(
      'shared/io/accept.ts',
      '      await place.store.publish(key);\n    } finally {',
      '      await place.store.publish(key);\n    } catch (error) {\n      throw Object.assign(error as Error, { key });\n    }\n    if (keys.length > 1) return;\n    {',
    ),
  ),
];

const DISK: readonly Mutant[] = [
  mutant(
    'no-file-sync',
    'does not sync what it writes',
    change(
      'shared/io/durable.ts',
      '    await file.sync();\n  } finally {\n    await file.close();\n  }\n}\n\nasync function writeAll',
      '  } finally {\n    await file.close();\n  }\n}\n\nasync function writeAll',
    ),
  ),
  mutant(
    'no-folder-sync-write',
    'does not sync the folder of what it writes',
    change('shared/io/durable.ts', 'clears it away.\n      await syncFolder(dirname(path));', 'clears it away.'),
  ),
  mutant(
    'no-folder-sync-rename',
    'does not sync the folders of what it renames',
    change('shared/io/durable.ts', '    await Promise.all([...folders].map(syncFolder));', '    folders.clear();'),
  ),
  mutant(
    'no-folder-sync-create',
    'does not sync the folder of what it makes once',
    change('shared/io/durable.ts', 'now builds on it.\n      await syncFolder(dirname(path));', 'now builds on it.'),
  ),
  mutant(
    'no-folder-sync-remove',
    'does not sync the folder of what it removes',
    change('shared/io/durable.ts', '    await orMissing(syncFolder(dirname(path)));', ''),
  ),
];

const TRIP: readonly Mutant[] = [
  mutant(
    'remove-before-report',
    'removes a refused mail before its sender has been told',
    change(
      'shared/io/trip-settle.ts',
      '  const told = await bounceMail(',
      '  if (entry.head.recipients.every((recipient) => settled.has(recipient))) await removeEntry(place.store, entry);\n  const told = await bounceMail(',
    ),
  ),
  mutant(
    'later-is-done',
    'takes "try again" for an answer for good',
    change('shared/io/trip-settle.ts', "if (verdict.letter !== 'Z') settled.set", 'settled.set'),
  ),
  mutant(
    'group-says-yes',
    'answers yes for a frame of which some mails were not taken',
    change(
      'shared/io/trip-inbox.ts',
      "    const verdicts = mails.flatMap((mail) => answers.get(mail) ?? []);\n    return verdicts.every(({ letter }) => letter === 'K') ? 'K' : verdicts;",
      "    return 'K';",
    ),
  ),
  mutant(
    'answers-shifted',
    'gives the answers of a frame to the wrong mails',
    change('shared/io/settle-offer.ts', '    at += sealing.recipients[index] ?? 0;', '    at += 1;'),
  ),
  mutant(
    'ledger-after-offer',
    'offers mail under a number that is not durable',
    change('shared/io/trip-frames.ts', '        if (frames.length > 0) await save();', ''),
  ),
  mutant(
    'number-of-another-frame',
    'gives what is left of a frame the number of the whole',
    change(
      'shared/io/trip-frames.ts',
      'isOther ? ledger.renumber(chosen.seq, keys) : chosen.seq;',
      'isOther && keys.length === 0 ? ledger.renumber(chosen.seq, keys) : chosen.seq;',
    ),
    change(
      'shared/io/batch-export.ts',
      'isOther ? side.ledger.renumber(chosen.seq, keys) : chosen.seq;',
      'isOther && keys.length === 0 ? side.ledger.renumber(chosen.seq, keys) : chosen.seq;',
    ),
  ),
  mutant(
    'old-trip-goes-on',
    'lets an old trip of an office go on beside its new one',
    change(
      'hub/trip-session.ts',
      "    await endTrip(hub, office.name, new TripCut('the office has called again'));\n",
      '',
    ),
  ),
  mutant(
    'lock-kept',
    'keeps the lock of a sync that failed',
    change('agent/sync.ts', '    await lock?.release();', '    if (lock && trip!) await lock.release();'),
  ),
];

const LAPTOPS: readonly Mutant[] = [
  mutant(
    'backup-let-in',
    'lets in a data folder from a backup as if nothing had happened',
    change('hub/instance.ts', '  if (counter <= state.counter)', '  if (counter < 0)'),
  ),
  mutant(
    'nothing-restored',
    'does not offer a readmitted office what it lacks',
    change('hub/instance.ts', "    restoreFrom: '',\n", ''),
  ),
  mutant(
    'silence-is-no',
    'takes a cut for the answer that nothing is lacking',
    change(
      'shared/io/trip-sender.ts',
      '      if (!lacking) return;\n      await restore.lacks(ids.filter((_, index) => lacking[index]));',
      '      await restore.lacks(ids.filter((_, index) => lacking?.[index]));',
    ),
  ),
  mutant(
    'nothing-kept',
    'keeps nothing of what offices have taken',
    change('hub/delivered.ts', '  if (whole) await hub.store.put(kept, whole);', ''),
  ),
  mutant(
    'old-ledger-of-a-new-laptop',
    'goes on with the numbers of a laptop that is not there any more',
    change('hub/instance.ts', 'ledger: { ...mutable(EMPTY_LEDGER), next, open },', 'ledger: before.ledger,'),
  ),
  mutant(
    'numbers-begin-anew',
    'numbers its frames from 1 again for a readmitted office',
    change('hub/instance.ts', 'ledger: { ...mutable(EMPTY_LEDGER), next, open },', 'ledger: mutable(EMPTY_LEDGER),'),
  ),
  mutant(
    'stick-number-not-durable',
    'writes mail on a stick under a number that is not durable',
    change('shared/io/batch-export.ts', '        await side.save();\n        return frame;', '        return frame;'),
  ),
];

const HUB: readonly Mutant[] = [
  mutant(
    'relay-forgets-later',
    'removes a mail of which some recipients have to wait',
    change('hub/relay-entry.ts', '  if (passage.pending.length > 0) return passage.nextTry;\n', ''),
  ),
  mutant(
    'relay-tells-nobody',
    'tells no sender what another server refused',
    change(
      'hub/relay-entry.ts',
      '    if (failures.length === 0) return true;',
      '    if (failures.length >= 0) return true;',
    ),
  ),
  mutant(
    'relay-forgets-settled',
    'forgets whom it has sent a mail to when another recipient is answered',
    change(
      'hub/relay-entry.ts',
      '    const settled = { ...this.#note.settled, ...Object.fromEntries(final) };',
      '    const settled = Object.fromEntries(final);',
    ),
  ),
  mutant(
    'one-report-for-all',
    'takes a report on one recipient for the report on another',
    change(
      'shared/io/bounce.ts',
      "digest(['bounce', reported.id, kind, ...recipients,",
      "digest(['bounce', reported.id, kind,",
    ),
  ),
  mutant(
    'move-what-is-offered',
    'moves mail that the old office may have already',
    change('hub/move-user.ts', '  if (offered.has(entry.id) || note.attempts > 0) {', '  if (note.attempts > 0) {'),
  ),
  mutant(
    'move-what-was-put-off',
    'moves mail that the old office has put off, and may show after its next start',
    change('hub/move-user.ts', '  if (offered.has(entry.id) || note.attempts > 0) {', '  if (offered.has(entry.id)) {'),
  ),
  mutant(
    'moved-travels-twice',
    'sends a mail to the old office for somebody who has moved',
    change(
      'hub/move-rest.ts',
      '  if (!note?.moved) return undefined;',
      '  if (!note?.moved || office.length > 0) return undefined;',
    ),
  ),
  mutant(
    'door-id-drawn',
    'does not know a mail again that is handed in again',
    change('shared/io/intake.ts', 'return messageId ? digest(', "return messageId === '' ? digest("),
  ),
  mutant(
    'door-id-of-envelope',
    'takes a mail with other recipients for another mail',
    change('shared/io/intake.ts', "digest(['door', hash, sender])", "digest(['door', hash, sender, ...recipients])"),
  ),
];

export const MUTANTS: readonly Mutant[] = [...ACCEPT, ...DISK, ...TRIP, ...LAPTOPS, ...HUB];
