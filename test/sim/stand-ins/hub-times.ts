/** For hub/hub-times.ts: a world lasts for days, so all of it takes a hundred times as long. */
export const TICK_MS: number = 100_000;
export const BEAT_MS: number = 700_000;
export const SURE_MS: number = 2_000_000;
export const DEAD_MS: number = 3_000_000;
export const PATIENCE_MS: number = 4_500_000;
export const TAKE_PAUSE_MS: number = 30_000;
