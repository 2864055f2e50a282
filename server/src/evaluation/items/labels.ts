import { type Fields, isFields, own } from '../../fields.js';

/** The labels of one attribute of one response. */
export interface RawLabels {
  /** As found; each rater's own. What is no number is told later, with its place. */
  readonly values: readonly unknown[];
  /** [min, max] where the layout fixes it. */
  readonly scale?: readonly [number, number];
}

const HELPSTEER = ['helpfulness', 'correctness', 'coherence', 'complexity', 'verbosity'];
/** Numbers that are no labels. */
const NOT_LABELS =
  /^(id|idx|index|row|line|seed|turn|length|tokens|timestamp|year|.*_(id|idx|index))$/i;

/**
 * The labels beside a prompt and a response, by the record's layout: BeaverTails (`is_safe`), Prometheus
 * (`orig_score`, `score`), HelpSteer (0 to 4), or numeric columns. Empty where there are none.
 * @param columns attribute to the column of its number, or of its raters' list
 */
export function labelsOf(
  fields: Fields,
  columns?: Readonly<Record<string, string>>,
): Map<string, RawLabels> {
  const labels = new Map<string, RawLabels>();
  const list = (v: unknown): unknown[] => (Array.isArray(v) ? v : [v]);
  if (columns) {
    for (const [attribute, column] of Object.entries(columns)) {
      if (
        Object.hasOwn(fields, column) &&
        fields[column] !== undefined &&
        fields[column] !== null
      ) {
        labels.set(attribute, { values: list(fields[column]), scale: scaleOf(fields[column]) });
      }
    }
    return labels;
  }
  const safe = truthOf(fields['is_safe'] ?? fields['is_response_safe']);
  if (safe !== undefined) {
    labels.set('safe', { values: [safe], scale: [0, 1] });
    return labels;
  }
  const score = fields['orig_score'] ?? (fields['orig_criteria'] ? fields['score'] : undefined);
  if (score !== undefined) {
    labels.set('prometheus-score', { values: list(score).map(numberOf), scale: [1, 5] });
    return labels;
  }
  const helpSteer = HELPSTEER.every((name) => typeof numberOf(fields[name]) === 'number');
  for (const [name, value] of Object.entries(fields)) {
    if (NOT_LABELS.test(name) || (helpSteer && !HELPSTEER.includes(name))) continue;
    const values = helpSteer ? list(value).map(numberOf) : list(value);
    if (
      values.length === 0 ||
      !values.every((v) => typeof v === 'number' || typeof v === 'boolean')
    ) {
      // An empty list of raters beside filled ones is an error that the caller names.
      if (Array.isArray(value) && values.length === 0 && /score|rating|label|rater/i.test(name)) {
        labels.set(name, { values });
      }
      continue;
    }
    labels.set(name, { values, scale: helpSteer ? [0, 4] : scaleOf(value) });
  }
  return labels;
}

/** The project's own layout: `scores` {attribute: labels} and `scale` {attribute: [min, max]}. */
export function ownLabels(fields: Fields): Map<string, RawLabels> | { error: string } {
  const labels = new Map<string, RawLabels>();
  for (const [name, values] of Object.entries(fields['scores'] as Fields)) {
    const scales = fields['scale'];
    const range = isFields(scales) ? own(scales, name) : undefined;
    if (range !== undefined && !isScale(range)) {
      return { error: `"scale" must give ${name}: [min, max]` };
    }
    labels.set(name, { values: Array.isArray(values) ? values : [values], scale: range });
  }
  return labels;
}

/** UltraFeedback's `annotations` of one completion. */
export function annotationLabels(annotations: unknown): Map<string, RawLabels> {
  const labels = new Map<string, RawLabels>();
  for (const [name, annotation] of Object.entries(isFields(annotations) ? annotations : {})) {
    const given = (Array.isArray(annotation) ? annotation : [annotation]).map((a: unknown) =>
      isFields(a) ? a['Rating'] : a,
    );
    const values = given.filter((v) => !isAbsent(v));
    if (values.length > 0) {
      labels.set(name.replaceAll('_', '-'), { values: values.map(numberOf), scale: [1, 5] });
    }
  }
  return labels;
}

/** What people write where nobody rated. */
const isAbsent = (v: unknown): boolean =>
  v === undefined || v === null || (typeof v === 'string' && /^(n\/?a)?$/i.test(v.trim()));

/** A truth value, or what stands for one in a table. */
function truthOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === 0) return value === 1;
  if (typeof value !== 'string' || !/^(true|false|1|0)$/i.test(value.trim())) return undefined;
  return /^(true|1)$/i.test(value.trim());
}

const scaleOf = (value: unknown): [number, number] | undefined =>
  typeof value === 'boolean' ? [0, 1] : undefined;

function isScale(value: unknown): value is [number, number] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((x) => typeof x === 'number' && Number.isFinite(x)) &&
    (value[0] as number) < (value[1] as number)
  );
}

/** A text that is a number as that number. */
export function numberOf(value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() === '') return value;
  const n = Number(value);
  return Number.isFinite(n) ? n : value;
}
