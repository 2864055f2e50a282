import { createHash } from 'node:crypto';

/** Hexadecimal digest of a text under a seed: an order that depends on the texts alone, not on the file's. */
function seededHash(seed: number, text: string): string {
  return createHash('sha256').update(`${seed}:${text}`).digest('hex');
}

/** A number in [0, 1) from a text under a seed. */
export function unitHash(seed: number, text: string): number {
  return Number.parseInt(seededHash(seed, text).slice(0, 8), 16) / 2 ** 32;
}

/**
 * Which prompts are held out, the same for every file, so that no prompt is in training by one file and
 * in test by another. A file may keep an older split: what it says of its prompts holds for all.
 */
export class Split {
  private readonly fixed = new Map<string, boolean>();

  constructor(
    private readonly seed: number,
    private readonly share: number,
  ) {}

  /** Keeps the split of `groups` as given; what it holds out in one place is held out in all. */
  fix(groups: readonly string[], heldOut: readonly boolean[]): void {
    groups.forEach((g, i) => this.fixed.set(g, heldOut[i]! || this.fixed.get(g) === true));
  }

  isHeldOut(group: string): boolean {
    return this.fixed.get(group) ?? unitHash(this.seed, `held-out ${group}`) < this.share;
  }
}

/** The fold of a training prompt, 0..count-1, the same for every file. */
export function foldOf(seed: number, group: string, count: number): number {
  return Math.floor(unitHash(seed, `fold ${group}`) * count);
}

/** What a sample is taken of: a response or a pair. */
export interface Choosable<T> {
  readonly item: T;
  /** Prompts that must stay together. */
  readonly group: string;
  /** The whole prompt; items of one prompt are taken together. */
  readonly prompt: string;
  /** Tells items of one prompt apart. */
  readonly content: string;
  /** Of the item: items with another value are taken second, so that few of a prompt still differ. */
  readonly value: number;
}

/**
 * Takes a seeded sample, prompt by prompt in an order by hash, so that a larger sample holds a smaller one
 * and two files take the same prompts.
 * @param accept whether an item can be used at all (its length); asked only until there are enough
 * @returns the items of each prompt together
 */
export function choose<T>(
  items: readonly Choosable<T>[],
  options: { seed: number; max: number; perPrompt: number },
  accept: (item: T) => boolean,
): T[][] {
  const { seed, max, perPrompt } = options;
  const prompts = new Map<string, Choosable<T>[]>();
  for (const c of items) {
    const found = prompts.get(c.prompt);
    if (found) found.push(c);
    else prompts.set(c.prompt, [c]);
  }
  const ordered = [...prompts]
    .map(([prompt, members]) => ({
      order: seededHash(seed, members[0]!.group) + seededHash(seed, prompt),
      members,
    }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
  const out: T[][] = [];
  let count = 0;
  for (const { members } of ordered) {
    if (count >= max) break;
    const usable = members
      .map((m) => ({ m, order: seededHash(seed, m.content) }))
      .sort((a, b) => (a.order < b.order ? -1 : 1))
      .map(({ m }) => m)
      .filter(({ item }) => accept(item));
    const other = usable.findIndex(({ value }) => value !== usable[0]!.value);
    if (other > 1) usable.splice(1, 0, ...usable.splice(other, 1));
    const taken = usable.slice(0, Math.min(perPrompt, max - count));
    if (taken.length === 0) continue;
    count += taken.length;
    out.push(taken.map(({ item }) => item));
  }
  return out;
}
