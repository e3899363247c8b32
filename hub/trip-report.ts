/** What a trip came to, for the operator. */
import { StoreError } from '../shared/io/store.ts';
import type { TripOutcome } from '../shared/io/trip-session.ts';
import { noteTrip } from './contact.ts';
import type { Hub } from './hub.ts';
import type { LineBytes } from './line-count.ts';
import { withOffice } from './office-lock.ts';

interface Ended {
  readonly outcome: TripOutcome;
  readonly seconds: number;
  readonly line: LineBytes;
}

/** Tells the log what a trip did, and counts it for the office. */
export async function reportTrip(hub: Hub, office: string, { outcome, seconds, line }: Ended): Promise<void> {
  const { complete, sent, received, resumed, error, refusal } = outcome;
  const counts = { up: received.mails, down: sent.mails };
  const trouble = error?.message ?? refusal?.text;
  if (complete) hub.log.info('an office has synced', { office, ...counts, resumed });
  else hub.log.info('a trip ended early', { office, ...counts, resumed, reason: trouble });
  try {
    const carried = {
      trips: 1,
      mailsUp: received.mails,
      mailsDown: sent.mails,
      bytesRawUp: received.bytesRaw,
      bytesRawDown: sent.bytesRaw,
      bytesWireUp: line.read,
      bytesWireDown: line.written,
      seconds,
      resumed,
      trouble,
    };
    await withOffice(hub, office, () => noteTrip(hub, office, carried), { patienceMs: 5_000 });
  } catch (failed) {
    if (!(failed instanceof StoreError)) throw failed;
    hub.log.warn('the contact could not be noted; the mail is as the trip left it', { office, reason: failed.message });
  }
}
