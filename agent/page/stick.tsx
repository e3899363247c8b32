/** Mail on a USB stick: the browser saves the file for the hub, and hands over the one that came from it. */
import type { Imported } from '../../shared/io/batch-import.ts';
import { type Around, Frame, Said, Token } from './frame.tsx';
import { count, number, span } from './say.ts';
import type { Visitor } from './session.ts';
import type { Words } from './words/en.ts';

/** What came of reading a stick, or why none was made. */
export interface StickOutcome {
  readonly imported?: Imported;
  readonly fault?: 'damaged' | 'notOurs' | 'busy' | 'noFile';
  /** In the program's own words. */
  readonly details?: string;
}

interface StickView {
  readonly around: Around;
  readonly visitor: Visitor;
  readonly waitSeconds: number;
  readonly outcome?: StickOutcome | undefined;
}

export const StickPage = ({ around, visitor, waitSeconds, outcome }: StickView) => {
  const { words } = around;
  return (
    <Frame around={around} title={words.stick}>
      {outcome ? <Outcome words={words} outcome={outcome} /> : null}
      <section class="card">
        <h2>{words.sticks.make}</h2>
        <p>{words.sticks.makeHint}</p>
        <p class="quiet small">{words.sticks.wait(span(words, waitSeconds))}</p>
        <form method="post" action="/stick/make">
          <Token visitor={visitor} />
          <label class="choice">
            <input type="checkbox" name="again" value="1" /> {words.sticks.again}
          </label>
          <div class="fields">
            <div>
              <label for="largest">{words.sticks.largest}</label>
              <input id="largest" name="largest" type="number" min="1" max="1000000" inputmode="numeric" />
            </div>
            <button type="submit" class="main">
              {words.sticks.makeNow}
            </button>
          </div>
        </form>
      </section>
      <section class="card">
        <h2>{words.sticks.read}</h2>
        <p>{words.sticks.readHint}</p>
        <form method="post" action="/stick/read" enctype="multipart/form-data">
          <Token visitor={visitor} />
          <div class="fields">
            <div>
              <label for="file">{words.sticks.file}</label>
              <input id="file" name="file" type="file" required />
            </div>
            <button type="submit" class="main">
              {words.sticks.readNow}
            </button>
          </div>
        </form>
      </section>
    </Frame>
  );
};

const Outcome = ({ words, outcome: { imported, fault, details } }: { words: Words; outcome: StickOutcome }) => (
  <section class={fault ? 'card care' : 'card'} role="status">
    {fault ? <p>{words.sticks[fault]}</p> : null}
    {imported ? <Taken words={words} imported={imported} /> : null}
    {details === undefined ? null : (
      <details>
        <summary>{words.problems.details}</summary>
        <Said text={details} />
      </details>
    )}
  </section>
);

const Taken = ({ words, imported }: { words: Words; imported: Imported }) => {
  const { mails, answered, known, unreadable, partial } = imported;
  return (
    <>
      <p class="fine">{words.sticks.taken(count(words, words.mails, mails))}</p>
      {answered > 0 ? <p>{words.sticks.answered(number(words, answered))}</p> : null}
      {known > 0 ? <p class="quiet">{words.sticks.known(number(words, known))}</p> : null}
      {partial ? <p>{words.sticks.partial}</p> : null}
      {unreadable > 0 ? <p>{words.sticks.unreadable(number(words, unreadable))}</p> : null}
    </>
  );
};
