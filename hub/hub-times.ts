/** How hubs on one store keep time with each other, in milliseconds of each one's steady clock. */

/** What is asked of other hubs, or said to them, is seen within two of these. */
export const TICK_MS: number = 1_000;
export const BEAT_MS: number = 7_000;
/** From the beginning of a beat that succeeded: no other hub can have what this one holds. */
export const SURE_MS: number = 20_000;
/** Without a beat: a hub is shut out. The difference is what a request may be on its way, and clocks may differ in pace. */
export const DEAD_MS: number = 30_000;
/** Longer than a hub that is dead is waited for. */
export const PATIENCE_MS: number = 45_000;
export const TAKE_PAUSE_MS: number = 300;
