/** "Sync now", how far the sync is that runs, and what came of the last one. */
import type { LinkConfig } from '../config.ts';
import { DEFAULT_LINK } from '../link.ts';
import { type ProgressFacts, reached } from '../progress.ts';
import type { SyncWatch } from '../sync-watch.ts';
import { Said, Token } from './frame.tsx';
import { count, money, size, span } from './say.ts';
import type { Visitor } from './session.ts';
import type { Words } from './words/en.ts';

interface Syncing {
  readonly words: Words;
  readonly visitor: Visitor;
  readonly watch: SyncWatch;
  readonly links: readonly LinkConfig[];
}

export const Sync = ({ words, visitor, watch, links }: Syncing) => (
  <section class="card" id="now" data-running={watch.running ? '1' : '0'}>
    {watch.running ? (
      <>
        <h2>{titleOf(words, watch.running.link)}</h2>
        <div id="progress">
          <Progress words={words} facts={watch.running} />
        </div>
        <form class="buttons" method="post" action="/cancel">
          <Token visitor={visitor} />
          <button type="submit">{words.sync.cancel}</button>
        </form>
      </>
    ) : (
      <>
        <h2>{words.sync.title}</h2>
        <Ended words={words} watch={watch} />
        <Ask words={words} visitor={visitor} links={links} />
      </>
    )}
  </section>
);

const titleOf = (words: Words, { name }: LinkConfig): string =>
  name === DEFAULT_LINK.name ? words.sync.title : words.sync.running(name);

export const Progress = ({ words, facts }: { words: Words; facts: ProgressFacts }) => {
  const { progress, link, seconds } = facts;
  const { bytes, share, speed, secondsLeft, money: cost } = reached(facts);
  // When all of ours is sent, nobody knows how much the hub still has.
  const isKnown = bytes > 0 && share < 1;
  return (
    <>
      <progress max="100" value={isKnown ? Math.round(share * 100) : undefined} aria-label={words.sync.progress} />
      <ul class="chips">
        <li>{words.sync.sent(count(words, words.mails, progress.sent.mails))}</li>
        <li>{words.sync.received(count(words, words.mails, progress.received.mails))}</li>
        <li>{words.sync.carried(size(words, bytes))}</li>
        <li>{span(words, seconds)}</li>
        {speed === undefined ? null : <li>{words.sync.speed(size(words, speed))}</li>}
        {secondsLeft === undefined ? null : <li>{words.sync.left(span(words, secondsLeft))}</li>}
        {cost === undefined ? null : <li>{words.sync.money(money(words, cost, link.currency))}</li>}
      </ul>
    </>
  );
};

const Ended = ({ words, watch: { last } }: { words: Words; watch: SyncWatch }) => {
  if (!last) return null;
  const { result, isCancelled } = last;
  const { ok, up, down, cost, currency, error } = result;
  return (
    <div role="status">
      <p class={ok ? 'fine' : 'quiet'}>
        {ok ? words.sync.done : isCancelled ? words.sync.cancelled : words.sync.early}
      </p>
      {error === undefined || isCancelled ? null : <Said text={error} />}
      <ul class="chips quiet">
        <li>{words.sync.sent(count(words, words.mails, up.mails))}</li>
        <li>{words.sync.received(count(words, words.mails, down.mails))}</li>
        <li>{words.sync.carried(size(words, up.bytesWire + down.bytesWire))}</li>
        {cost > 0 ? <li>{money(words, cost, currency)}</li> : null}
      </ul>
    </div>
  );
};

const Ask = ({ words, visitor, links }: { words: Words; visitor: Visitor; links: readonly LinkConfig[] }) => (
  <form method="post" action="/sync">
    <Token visitor={visitor} />
    <div class="fields">
      {links.length > 0 ? (
        <div>
          <label for="link">{words.sync.over}</label>
          <select id="link" name="link">
            <option value="">{words.sync.automatic}</option>
            {links.map(({ name }) => (
              <option value={name}>{name}</option>
            ))}
          </select>
        </div>
      ) : null}
      {links.some(({ hours = [] }) => hours.length > 0) ? (
        <label class="choice">
          <input type="checkbox" name="force" value="1" /> {words.sync.force}
        </label>
      ) : null}
      <button type="submit" class="main">
        {words.sync.now}
      </button>
    </div>
  </form>
);
