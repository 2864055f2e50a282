import { stemOf } from '../../../server/src/datasets/formats.js';
import type { Host } from '../host.js';
import type { OnExport } from './chart-frame.js';
import type { Notice } from './notice.js';

/** Charts are written under the page's subject and their own name; the notice tells where. */
export const exportUnder =
  (host: Host, notice: Notice, subject: () => string): OnExport =>
  (format, chart, data) => {
    const name = `${stemOf(subject())}-${chart}`;
    notice.exported(host.request('export', { format, name, data }));
  };
