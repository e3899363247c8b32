/** Any directory that an operator can make: edits of all kinds, those that are allowed, one after another. */
import fc from 'fast-check';
import type { Directory } from '../../shared/core/directory.ts';
import { applyEdit, type Edit } from '../../shared/core/directory-edit.ts';
import { EditError } from '../../shared/core/directory-words.ts';
import { move, network, office, user } from './directory.ts';

const post = fc.constantFrom('herat', 'mazar', 'hub', 'internet');

function editsOf(address: fc.Arbitrary<string>, aliasKey: fc.Arbitrary<string>): fc.Arbitrary<Edit> {
  const targets = fc.array(address, { minLength: 1, maxLength: 4 }).map((all) => all.toSorted());
  return fc.oneof(
    { weight: 3, arbitrary: fc.tuple(address, post).map(([who, where]) => user(who, where)) },
    { weight: 3, arbitrary: fc.tuple(address, post).map(([who, where]) => move(who, where)) },
    address.map((who): Edit => ({ do: 'user.remove', address: who })),
    aliasKey.map((who): Edit => ({ do: 'alias.remove', address: who })),
    {
      weight: 4,
      arbitrary: fc
        .record({ address: aliasKey, targets, owner: fc.option(address, { nil: undefined }) })
        .map((alias): Edit => ({ do: 'alias.set', aliases: [alias] })),
    },
    fc
      .constantFrom('known' as const, 'any' as const)
      .map((users): Edit => ({ do: 'office.limits', office: 'herat', limits: { users } })),
    fc.constant(office('bamyan', 'b.example.org', '.c.example.org', 'a.example.org')),
  );
}

export const directories = (
  address: fc.Arbitrary<string>,
  aliasKey: fc.Arbitrary<string> = address,
): fc.Arbitrary<Directory> =>
  fc.array(editsOf(address, aliasKey), { maxLength: 16 }).map((edits) => edits.reduce(allowed, network()));

function allowed(directory: Directory, edit: Edit): Directory {
  try {
    return applyEdit(directory, edit);
  } catch (error) {
    if (!(error instanceof EditError)) throw error;
    return directory;
  }
}
