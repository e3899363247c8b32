/** Every parser of ours that reads what others have written. */
import type { FuzzTarget } from './target.ts';
import { ENVELOPES } from './targets/envelopes.ts';
import { FILES } from './targets/files.ts';
import { MAIL_BODIES } from './targets/mailbodies.ts';
import { MIME } from './targets/mime.ts';
import { DOORS } from './targets/smtp-door.ts';
import { TABLES_AND_WORDS } from './targets/tables.ts';
import { TRIPS } from './targets/trips.ts';
import { WIRE } from './targets/wire.ts';

export const TARGETS: readonly FuzzTarget[] = [
  ...WIRE,
  ...TRIPS,
  ...MAIL_BODIES,
  ...ENVELOPES,
  ...TABLES_AND_WORDS,
  ...FILES,
  ...MIME,
  ...DOORS,
];

/** Throws with the names that there are. */
export function targetNamed(name: string): FuzzTarget {
  const found = TARGETS.find((target) => target.name === name);
  if (found) return found;
  throw new Error(`there is no parser ${name}: ${TARGETS.map((target) => target.name).join(', ')}`);
}
