/** A sync as it goes, for browsers that run scripts: server-sent events with a piece of the page in each. */
import { streamSSE } from 'hono/streaming';
import type { SyncWatch } from '../sync-watch.ts';
import { Progress } from './progress.tsx';
import type { PageContext } from './session.ts';

/** At most so often is a piece sent; and so often at least a word, so that a browser that has gone is noticed. */
const PIECE_MS = 500;
const WORD_MS = 15_000;

/** `progress` while it is as the browser knows it; `changed` when a sync has begun or ended since. */
export function live(context: PageContext, watch: SyncWatch): Response {
  const words = context.get('words');
  const knew = context.req.query('running') === '1';
  return streamSSE(context, async (out) => {
    let wake: () => void = () => undefined;
    const unwatch = watch.watch(() => wake());
    out.onAbort(() => wake());
    while (!out.aborted) {
      const { running } = watch;
      if ((running !== undefined) !== knew) {
        await out.writeSSE({ event: 'changed', data: '' });
        break;
      }
      if (running) await out.writeSSE({ event: 'progress', data: String(<Progress words={words} facts={running} />) });
      else await out.write(': idle\n\n');
      await Promise.all([woken(WORD_MS, (ring) => (wake = ring)), out.sleep(PIECE_MS)]);
    }
    unwatch();
  });
}

/** Until somebody rings, or the time is over. */
function woken(ms: number, listen: (ring: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    listen(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
