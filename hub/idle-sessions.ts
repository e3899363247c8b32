/**
 * Sessions that have just carried a mail, kept for a moment in case there is another for the same destination: setting one
 * up costs more round trips than a mail.
 */
import type { SmtpOut } from './smtp-out.ts';

/** Longer would be a burden on the other side. */
const KEPT_MS = 2_000;

export class IdleSessions {
  readonly #max: number;
  readonly #kept = new Map<SmtpOut, { readonly destination: string; readonly timer: NodeJS.Timeout }>();

  constructor(max: number) {
    this.#max = max;
  }

  /** One that still stands, for the caller alone. */
  take(destination: string): SmtpOut | undefined {
    for (const [session, kept] of this.#kept) {
      if (kept.destination !== destination) continue;
      this.#forget(session);
      if (session.isOpen) return session;
    }
    return undefined;
  }

  /** Takes over a session that is done with: keeps it if it may be used again, else ends it. */
  giveBack(destination: string, session: SmtpOut): void {
    if (!session.isReusable || this.#kept.size >= this.#max) {
      session.close();
      return;
    }
    const timer = setTimeout(() => {
      this.#forget(session);
      session.close();
    }, KEPT_MS);
    this.#kept.set(session, { destination, timer });
  }

  closeAll(): void {
    for (const session of this.#kept.keys()) {
      this.#forget(session);
      session.close();
    }
  }

  #forget(session: SmtpOut): void {
    clearTimeout(this.#kept.get(session)?.timer);
    this.#kept.delete(session);
  }
}
