import { Dashboard } from './dashboard/page.js';
import { DetailPage } from './detail/page.js';
import { Host } from './host.js';
import { PolicyPage } from './policy/page.js';
import { readState } from './state.js';
import './styles/base.css';
import './styles/dashboard.css';
import './styles/detail.css';
import './styles/policy.css';

const host = new Host();
const root = document.getElementById('app') ?? document.body;
const state = readState(host.state);
const { page } = document.body.dataset;
if (page === 'detail') new DetailPage(host, root, state);
else if (page === 'policy') new PolicyPage(host, root, state);
else new Dashboard(host, root, state);
host.post({ type: 'ready', state });
