/**
 * After a stop: files that were staged and not published. A record that names such a file makes it mail that was
 * accepted, so it is published; without one, nobody was told yes, and it goes.
 */
import type { Place } from './mail.ts';
import { maildirOf } from './maildir.ts';
import { isVouchedFor } from './seen.ts';
import type { Stray } from './store.ts';

/** To be run at start, and now and then where several programs work on one store. Doing it again is harmless. */
export async function recover(place: Place): Promise<void> {
  let published = 0;
  let discarded = 0;
  for await (const stray of place.store.strays('')) {
    if (await finish(place, stray)) published += 1;
    else discarded += 1;
  }
  if (published + discarded > 0) place.log.info('a stop left mail in hand', { published, discarded });
}

async function finish({ store, published }: Place, stray: Stray): Promise<boolean> {
  if (!(await isVouchedFor(store, stray.key))) {
    await stray.discard();
    return false;
  }
  await stray.publish();
  published?.(maildirOf(stray.key), stray.key);
  return true;
}
