/** What was changed, and when. */
import { mailDate } from '../../shared/core/trace.ts';
import { type Change, changeText } from '../audit.ts';
import { type Around, Frame } from './frame.tsx';

export const AuditPage = ({ around, changes }: { around: Around; changes: readonly Change[] }) => (
  <Frame around={around} title="Changes">
    <section class="card">
      <h1>Changes</h1>
      <ul class="rows">
        {changes.map((change) => (
          <li>
            <p class="quiet small">{mailDate(change.time).slice(5, 25)}</p>
            <p class="address">{changeText(change)}</p>
          </li>
        ))}
      </ul>
      {changes.length === 0 ? <p>None yet.</p> : null}
    </section>
  </Frame>
);
