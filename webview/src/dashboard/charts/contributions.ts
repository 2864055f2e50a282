import type { Contributions } from '../../../../server/src/protocol/index.js';
import { isEmpty, sampleOf, select, type Brush } from '../../data/brush.js';
import type { Document } from '../../data/documents.js';
import type { Host } from '../../host.js';
import { debounced, throttled } from '../../ui/dom.js';
import type { ContributionSeries } from './contribution-plot.js';

/** Responses of a brush whose contributions are averaged: as many as the server reads. */
const SAMPLE = 2000;
const EVERY_MS = 2500;
const BRUSH_MS = 250;

/** Attribute contributions of whole documents and of the brush, asked of the host. */
export class ContributionSource {
  private readonly known = new Map<string, Contributions>();
  /** The latest question about each; only its answer counts. */
  private readonly asked = new Map<string, symbol>();

  constructor(
    private readonly host: Host,
    private readonly view: () => { documents: readonly Document[]; brush: Brush },
    private readonly changed: () => void,
  ) {}

  /** For new scores; often called while they stream in. */
  readonly refresh = throttled(() => {
    const { documents, brush } = this.view();
    for (const d of documents) if (d.summary.scored > 0) this.ask(d, allOf(d));
    if (!isEmpty(brush)) this.brushed();
  }, EVERY_MS);

  /** For another brush. Two documents are compared as wholes. */
  readonly brushed = debounced(() => {
    const { documents, brush } = this.view();
    const [d] = documents;
    const selection = documents.length === 1 && d ? select(d.responses, brush) : undefined;
    if (d && selection && selection.count > 0) this.ask(d, 'brushed', sampleOf(selection, SAMPLE));
    else {
      this.known.delete('brushed');
      this.changed();
    }
  }, BRUSH_MS);

  forget(): void {
    this.known.clear();
    this.asked.clear();
  }

  get series(): ContributionSeries[] {
    const { documents } = this.view();
    const single = documents.length === 1;
    const brushed = this.known.get('brushed');
    return documents.flatMap((d) => {
      const attributes = d.summary.model?.attributes ?? [];
      const all = this.known.get(allOf(d));
      const series: ContributionSeries[] = [];
      if (all) series.push({ name: single ? 'all' : d.name, attributes, contributions: all });
      if (brushed && single) series.push({ name: 'brushed', attributes, contributions: brushed });
      return series;
    });
  }

  private ask(d: Document, key: string, responses?: readonly number[]): void {
    const question = Symbol();
    this.asked.set(key, question);
    const { uri, epoch } = d.summary;
    this.host
      .request('contributions', { uri, epoch, ...(responses && { responses }) })
      .catch(() => null)
      .then((contributions) => {
        if (this.asked.get(key) !== question) return;
        if (contributions) this.known.set(key, contributions);
        else this.known.delete(key);
        this.changed();
      })
      .catch(() => undefined);
  }
}

const allOf = (d: Document): string => `all ${d.summary.uri}`;
