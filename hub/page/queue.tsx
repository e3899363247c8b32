/** What waits, and what can be done about it. */

import { ago } from '../ago.ts';
import { sizeText } from '../size-text.ts';
import { Do } from './button.tsx';
import { type Around, Frame } from './frame.tsx';

export interface QueueLine {
  readonly id: string;
  readonly queue: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly bytes: number;
  readonly accepted: number;
  readonly why: string | undefined;
}

export const QueuePage = ({
  around,
  lines,
  more,
  now,
}: {
  around: Around;
  lines: readonly QueueLine[];
  more: boolean;
  now: number;
}) => (
  <Frame around={around} title="Queue">
    <section class="card">
      <h1>{lines.length === 0 ? 'Nothing waits' : 'What waits'}</h1>
      <ul class="rows">
        {lines.map(({ id, queue, sender, recipients, bytes, accepted, why }) => (
          <li>
            <div class="row">
              <span class="address">{`${sender === '' ? 'a report' : sender} → ${recipients.join(', ')}`}</span>
              <span class="size">{sizeText(bytes)}</span>
            </div>
            <p class="quiet small">{`for ${queue}, since ${ago(now - accepted)}${why === undefined ? '' : `: ${why}`}`}</p>
            <details>
              <summary>Do something</summary>
              <Do around={around} words="queue retry" args={[id]} text="Try now" />
              <Do around={around} words="queue drop" args={[id]} text="Drop, and tell its sender" danger />
            </details>
          </li>
        ))}
      </ul>
      {more ? <p class="quiet">There is more: 'hub queue' lists all.</p> : null}
    </section>
  </Frame>
);
