import type { Chart, Point } from 'chart.js';

/** A Plot as Chart.js has it. */
export type PlotChart = Chart<'scatter' | 'line' | 'bar', Point[]>;
