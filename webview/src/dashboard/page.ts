import { FINDING_CODES, type PersistedState } from '../../../server/src/protocol/index.js';
import { readTheme, watchTheme, type Theme } from '../charts/theme.js';
import { select, type Selection } from '../data/brush.js';
import { Document } from '../data/documents.js';
import { buildRows, NO_FINDING, type Rows } from '../data/rows.js';
import { stemOf } from '../../../server/src/datasets/formats.js';
import type { Host } from '../host.js';
import { keptDashboard, persisted, readDashboard, type DashboardState } from '../state.js';
import { debounced, el, perFrame, throttled } from '../ui/dom.js';
import { Notice } from '../ui/notice.js';
import { Charts } from './charts/charts.js';
import { Choice } from './choice.js';
import { ContributionSource } from './charts/contributions.js';
import { exportRows } from './export.js';
import { FilterBar } from './filters.js';
import { Header } from './header.js';
import { Malformed } from './malformed.js';
import { Preview } from './preview.js';
import { TextSearch } from './search.js';
import { FindingTable } from './table.js';
import { Texts } from './texts.js';
import { whiskerScale } from './charts/whisker.js';
import { messageOf } from '../../../server/src/errors.js';

/** While data streams in, the page is drawn again at most so often. */
const REFRESH_MS = 350;
const ROWS_MS = 30;
const MALFORMED = FINDING_CODES.indexOf('malformed-row');

/** The dashboard: figures and findings of one document, or of two side by side. */
export class Dashboard {
  private documents: Document[] = [];
  private state: DashboardState;
  private selections: (Selection | undefined)[] = [];
  private rows: Rows | undefined;
  private theme: Theme = readTheme();
  private readonly choice: Choice;
  private readonly contributions: ContributionSource;
  private readonly notice = new Notice();
  private readonly texts: Texts;
  private readonly search: TextSearch;
  private readonly header: Header;
  private readonly charts: Charts;
  private readonly filters: FilterBar;
  private readonly table: FindingTable;
  private readonly preview: Preview;
  private readonly malformed: Malformed;

  constructor(
    private readonly host: Host,
    root: HTMLElement,
    kept: PersistedState | undefined,
  ) {
    this.state = readDashboard(kept?.filters);
    this.choice = new Choice(host, () => {
      const { documents, charts, table, preview, texts } = this;
      return { documents, charts, table, preview, texts };
    });
    this.texts = new Texts(host, () => {
      this.table.render();
      this.choice.showPreview();
    });
    this.contributions = new ContributionSource(
      host,
      () => ({ documents: this.documents, brush: this.state.brush }),
      () => this.charts.updateContributions(this.contributions.series, this.theme),
    );
    this.search = new TextSearch(this.texts, this.refreshSoon);
    const each = (type: 'audit' | 'cancel' | 'exportReport') => () =>
      this.documents.forEach((d) => host.post({ type, uri: d.summary.uri }));
    this.header = new Header({
      audit: each('audit'),
      cancel: each('cancel'),
      report: each('exportReport'),
    });
    this.charts = new Charts({
      brushed: (brush) => this.change({ brush }),
      picked: (document, response, detail) =>
        this.choice.choose({ document, response, code: NO_FINDING }, { detail }),
      onExport: (format, name, data) => this.export(format, name, data),
    });
    this.filters = new FilterBar({
      changed: (part) => this.change(part),
      exportCsv: () => this.exportCsv().catch(this.failed),
    });
    this.table = new FindingTable(this.texts, {
      moved: (item) => this.choice.choose(item, { fromTable: true }),
      opened: (item) => this.choice.reveal(item, true),
      detailed: (item) => this.choice.openDetail(item),
      sorted: (by) =>
        this.change(
          by === this.state.sort
            ? { descending: !this.state.descending }
            : { sort: by, descending: false },
        ),
    });
    this.preview = new Preview({
      open: (item) => this.choice.reveal(item, true),
      detail: (item) => this.choice.openDetail(item),
    });
    this.malformed = new Malformed(host);
    root.append(
      this.header.element,
      this.charts.element,
      el(
        'section',
        { class: 'list', 'aria-label': 'Findings' },
        this.filters.element,
        this.malformed.element,
        this.table.element,
        this.preview.element,
      ),
      this.notice.element,
    );
    root.classList.add('dashboard');
    watchTheme(() => {
      this.theme = readTheme();
      this.drawCharts();
      this.charts.updateContributions(this.contributions.series, this.theme);
    });
    this.listen();
    this.refresh();
    this.charts.updateContributions([], this.theme);
  }

  private listen(): void {
    this.host.on({
      open: ({ page, audits, names, state }) => {
        if (page !== 'dashboard') return;
        if (state !== undefined) this.state = readDashboard(state.filters);
        const same =
          audits.length === this.documents.length &&
          audits.every(
            (a, n) =>
              a.uri === this.documents[n]?.summary.uri &&
              a.epoch === this.documents[n]?.summary.epoch,
          );
        if (same) audits.forEach((a, n) => this.documents[n]?.setSummary(a));
        else {
          this.documents = audits.map((a, n) => new Document(a, names[n] ?? a.uri));
          this.choice.forget();
          this.contributions.forget();
          this.texts.forget();
        }
        this.keep();
        this.refresh();
        this.contributions.refresh();
      },
      summary: ({ summary }) => {
        this.documentOf(summary.uri)?.setSummary(summary);
        this.refreshSoon();
        this.contributions.refresh();
      },
      columns: ({ batch }) => {
        if (this.documentOf(batch.uri)?.addColumns(batch)) this.refreshSoon();
      },
      findings: ({ batch }) => {
        if (!this.documentOf(batch.uri)?.addFindings(batch)) return;
        if (batch.from + batch.response.length >= batch.total) this.texts.outdate();
        if (batch.from + batch.response.length >= batch.total && this.state.text !== '')
          this.startSearch();
        this.refreshSoon();
      },
      select: ({ uri, epoch, response }) => this.choice.follow(uri, epoch, response),
      error: ({ message }) => this.notice.show(message, 'error'),
    });
  }

  private documentOf(uri: string): Document | undefined {
    return this.documents.find((d) => d.summary.uri === uri);
  }

  private change(part: Partial<DashboardState>): void {
    const before = this.state;
    this.state = { ...before, ...part };
    this.keep();
    if (part.brush !== undefined) this.contributions.brushed();
    if (
      this.state.text !== before.text ||
      (this.state.text !== '' && this.state.listing !== before.listing)
    )
      this.startSearch();
    this.refresh();
  }

  private startSearch(): void {
    this.search.search(this.state.text, this.documents, this.state.listing).catch(this.failed);
  }

  private readonly keep = debounced(() => {
    this.host.keep(
      persisted(
        'dashboard',
        this.documents.map((d) => d.summary.uri),
        keptDashboard(this.state),
      ),
    );
  }, 100);

  /** Everything again. The table follows the charts, so that a brush moves with the pointer. */
  private readonly draw = () => {
    this.choice.outdate();
    this.selections = this.documents.map((d) => select(d.responses, this.state.brush));
    this.header.update(this.documents);
    this.drawCharts();
    this.drawRows();
  };
  private readonly refresh = perFrame(this.draw);
  private readonly refreshSoon = throttled(this.draw, REFRESH_MS);

  private readonly drawRows = throttled(() => {
    const filtering = this.state.text.trim() !== '';
    const keep = filtering
      ? (d: number, r: number, c: number) => this.search.keep(d, r, c)
      : undefined;
    this.rows = buildRows(this.documents, this.state, this.selections, keep);
    const { sort: by, descending } = this.state;
    this.table.update(
      this.rows,
      this.documents,
      { by, descending },
      whiskerScale(this.documents),
      this.emptyText(),
    );
    this.filters.update(this.documents, this.state, {
      rows: this.rows.order.length,
      of: this.rows.length,
      searching: filtering ? this.search.fraction : 1,
    });
    this.malformed.update(this.documents, this.state.codes === 1 << MALFORMED);
    this.choice.showPreview();
  }, ROWS_MS);

  private drawCharts(): void {
    this.charts.update(this.documents, this.selections, this.state.brush, this.theme);
  }

  private readonly failed = (error: unknown): void =>
    this.notice.show(`It did not work: ${messageOf(error)}`, 'error');

  private emptyText(): string {
    if (this.documents.every((d) => d.responses.length === 0)) return 'Nothing is scored yet.';
    return (this.rows?.length ?? 0) === 0 ? 'No findings.' : 'No row passes the filters.';
  }

  // --- Exports ------------------------------------------------------------------------------------

  private export(format: 'png' | 'svg' | 'csv', name: string, data: string): void {
    const stem = stemOf(this.documents[0]?.name ?? 'audit');
    this.notice.exported(this.host.request('export', { format, name: `${stem}-${name}`, data }));
  }

  private async exportCsv(): Promise<void> {
    if (!this.rows) return;
    const data = await exportRows(this.rows, this.documents, this.texts, (text) =>
      this.notice.show(text),
    );
    this.export('csv', this.state.listing, data);
  }
}
