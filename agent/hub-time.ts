/** The hub's clock, as the last trip told it: what has to last days goes by it, since a laptop may wake up in 1970. */
import { readBody, textBody } from '../shared/io/body.ts';
import type { Agent } from './agent.ts';

const KEY = 'hub-time';

/** Seconds that the hub's clock is ahead of this one; 0 before the first trip. */
export async function hubTimeOffset({ store }: Agent): Promise<number> {
  const body = await store.get(KEY);
  const offset = body ? Number((await readBody(body, 100)).toString()) : 0;
  return Number.isSafeInteger(offset) ? offset : 0;
}

/** Remembers what the hub's clock says now. */
export async function setHubTime(agent: Agent, hubSeconds: number): Promise<number> {
  const offset = hubSeconds - agent.now();
  await agent.store.put(KEY, textBody(String(offset)));
  return offset;
}
