/**
 * A hub on a bucket may wake up on another machine. What a cut left of frames then lies in the bucket as well; the local
 * folder stays the first place, since a frame grows there while it comes.
 */
import { join } from 'node:path';
import type { Partial } from '../shared/core/trip-message.ts';
import { appendDurably } from '../shared/io/durable.ts';
import { fileBody } from '../shared/io/file-body.ts';
import { type Partials, partialName } from '../shared/io/partials.ts';
import type { Store } from '../shared/io/store.ts';

export interface BucketPartialsOptions {
  readonly store: Store;
  readonly office: string;
  /** Where frames grow, and who knows what is there. */
  readonly folder: string;
  readonly partials: Partials;
}

const keyOf = (office: string, partial: Partial): string => `office/${office}/partial/${partialName(partial)}`;

/** Before a trip: brings those of `kept` that are not here. */
export async function fetchPartials(options: BucketPartialsOptions, kept: readonly Partial[]): Promise<void> {
  const { store, office, folder, partials } = options;
  const here = new Set((await partials.list()).map(partialName));
  for (const partial of kept) {
    if (here.has(partialName(partial))) continue;
    const body = await store.get(keyOf(office, partial));
    if (body) for await (const chunk of body.read()) await appendDurably(join(folder, partialName(partial)), chunk);
  }
}

/** After a trip: puts what is here, takes away what is not any more. Answers what is kept. */
export async function keepPartials(
  options: BucketPartialsOptions,
  kept: readonly Partial[],
): Promise<readonly Partial[]> {
  const { store, office, folder, partials } = options;
  const held = await partials.list();
  const same = new Set(kept.map((partial) => `${partialName(partial)} ${partial.held}`));
  for (const partial of held) {
    if (same.has(`${partialName(partial)} ${partial.held}`)) continue;
    await store.put(keyOf(office, partial), fileBody(join(folder, partialName(partial)), partial.held));
  }
  const names = new Set(held.map(partialName));
  for (const partial of kept) if (!names.has(partialName(partial))) await store.remove(keyOf(office, partial));
  return held;
}
