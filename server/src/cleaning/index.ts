export type * from './changes.js';
export { cleanFile, partName, whyNotCleaned, writingOf, type FileToClean } from './clean.js';
export { decide, type CleanOptions } from './decide/decide.js';
export { unifiedDiff } from './diff.js';
export {
  COMPARISON_FORMATS,
  renderComparison,
  type ComparisonFormat,
  type ComparisonNames,
} from './leak-report.js';
export { compareData, LEAKS, type ComparedFile, type Comparison, type LeakKind } from './leaks.js';
export { FileBytes } from './apply/file-bytes.js';
export { MANIFEST, VERDICTS, undo, type Manifest, type ManifestFile } from './manifest.js';
export { rowsOf } from './decide/rows.js';
export { parseSplit, partOfRow, type Part } from './split.js';
export { textEdits } from './apply/text-edits.js';
export { unscoredAudit } from './unscored.js';
export { MOST_JUDGES, Panel } from './jury/panel.js';
export { Ruling, type Judge } from './jury/ruling.js';
