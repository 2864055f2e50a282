import { PAGES, type PageName, type PersistedState } from '../../server/src/protocol/index.js';
import { Dashboard } from './dashboard/page.js';
import { DetailPage } from './detail/page.js';
import { EvaluationPage } from './evaluation/page.js';
import { Host } from './host.js';
import { PolicyPage } from './policy/page.js';
import { readState } from './state.js';
import { WatchPage } from './watch/page.js';
// In this order: narrow.css changes the three before it, detail, evaluation and policy what stands above.
import './styles/base.css';
import './styles/controls.css';
import './styles/chart-frame.css';
import './styles/numbers.css';
import './styles/dashboard.css';
import './styles/list.css';
import './styles/table.css';
import './styles/narrow.css';
import './styles/detail.css';
import './styles/evaluation.css';
import './styles/policy.css';
import './styles/watch.css';

/** Each page by the name that the host's HTML gives: one that is missing does not compile. */
const PAGE_OF: Readonly<
  Record<PageName, new (host: Host, root: HTMLElement, kept: PersistedState | undefined) => unknown>
> = {
  dashboard: Dashboard,
  detail: DetailPage,
  policy: PolicyPage,
  evaluation: EvaluationPage,
  watch: WatchPage,
};

const host = new Host();
const root = document.getElementById('app') ?? document.body;
const state = readState(host.state);
const page = PAGES.find((name) => name === document.body.dataset['page']) ?? 'dashboard';
new PAGE_OF[page](host, root, state);
host.post({ type: 'ready', state });
