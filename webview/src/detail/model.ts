import type { DetailResult, ResponseDetail } from '../../../server/src/protocol/index.js';
import {
  certaintyEquivalent,
  countCrossings,
  countModes,
  cvar,
  expectation,
  probabilityBeats,
  quantileAt,
  rearrange,
  spread,
} from '../../../server/src/qrm/index.js';
import type { Role } from '../charts/theme.js';

/** One response ready to draw and to measure. */
export interface Side {
  readonly name: string;
  readonly colour: Role;
  /** The other half of the pair is drawn dashed: colour alone must not tell the two apart. */
  readonly dash?: readonly number[];
  readonly detail: ResponseDetail;
  readonly raw: readonly number[];
  readonly sorted: Float32Array;
  /** M arrays of K sorted quantiles. */
  readonly attributes: readonly Float32Array[];
  /** What each attribute adds to the expectation, length M. */
  readonly contributions: readonly number[];
}

export interface DetailModel {
  readonly own: Side;
  readonly partner?: Side;
  readonly sides: readonly Side[];
  readonly attributes: readonly string[];
  readonly levels: readonly number[];
}

/** Undefined when there is nothing to show (the result says why). */
export function detailModel(result: DetailResult): DetailModel | undefined {
  const { detail, partner, attributes, levels } = result;
  if (detail === null || levels.length === 0) return undefined;
  const own = side(detail, attributes.length, levels.length, false);
  if (partner === undefined) return { own, sides: [own], attributes, levels };
  const other = side(partner, attributes.length, levels.length, true);
  return { own, partner: other, sides: [own, other], attributes, levels };
}

function side(detail: ResponseDetail, M: number, K: number, second: boolean): Side {
  const attributes = Array.from({ length: M }, (_, m) =>
    rearrange(detail.attributeQuantiles.slice(m * K, (m + 1) * K)),
  );
  return {
    name: detail.kind === 'completion' || detail.kind === 'transcript' ? 'response' : detail.kind,
    colour: detail.kind === 'rejected' ? 'rejected' : 'chosen',
    dash: second ? [5, 3] : undefined,
    detail,
    raw: detail.quantiles,
    sorted: rearrange(detail.quantiles),
    attributes,
    contributions: attributes.map((q, m) => (detail.gate[m] ?? 0) * expectation(q)),
  };
}

export interface Figures {
  readonly expectation: number;
  readonly tail: number;
  readonly cvar: number;
  readonly certaintyEquivalent: number;
  readonly spread: number;
  readonly modes: number;
  readonly crossings: number;
}

/** How a distribution is summed up: the sliders' levels, and the audit's own for CVaR. */
export interface Levels {
  readonly tau: number;
  readonly lambda: number;
  readonly cvarLevel: number;
}

/** All figures of a response. Microseconds: safe at every input event. */
export function figures(s: Side, levels: readonly number[], at: Levels): Figures {
  const { tau, lambda, cvarLevel } = at;
  return {
    expectation: expectation(s.sorted),
    tail: quantileAt(s.sorted, levels, tau),
    cvar: cvar(s.sorted, levels, cvarLevel),
    certaintyEquivalent: certaintyEquivalent(s.sorted, lambda),
    spread: spread(s.sorted, levels),
    modes: countModes(s.sorted, levels),
    crossings: countCrossings(s.raw),
  };
}

/** P(chosen beats rejected), whichever half is looked at; undefined without a pair. */
export function beats(model: DetailModel): number | undefined {
  if (model.partner === undefined) return undefined;
  const [chosen, rejected] =
    model.own.detail.kind === 'rejected' ? [model.partner, model.own] : [model.own, model.partner];
  return probabilityBeats(chosen.sorted, rejected.sorted, model.levels);
}

/** The slider runs over [0, 1]; lambda from 0 to about 1000, finely near 0. */
export const lambdaAt = (position: number): number => (10 ** (4 * position) - 1) / 10;
export const positionOf = (lambda: number): number =>
  Math.min(Math.log10(10 * Math.max(lambda, 0) + 1) / 4, 1);
/** Three digits are all that a slider can mean. */
export const rounded = (value: number): number => +value.toPrecision(3);

/** "chosen: …; rejected: …", for summaries. */
export const inWords = (model: DetailModel, say: (s: Side) => string): string =>
  model.sides.map((s) => `${s.name}: ${say(s)}`).join('; ');
