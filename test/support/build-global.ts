/** Builds dist/ once for all tests that run the programs as they are shipped. */
import { build } from '../../tools/build.ts';

export async function setup(): Promise<void> {
  await build();
}
