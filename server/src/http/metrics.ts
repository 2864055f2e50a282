import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Figures in Prometheus' text format: counts, times and sizes, never a text of anybody's. */
export class Metrics {
  readonly registry = new Registry();
  private readonly of = { registers: [this.registry] };
  readonly requests = new Counter({
    name: 'qrm_requests_total',
    help: 'Answered requests by route and status.',
    labelNames: ['route', 'status'] as const,
    ...this.of,
  });
  readonly seconds = new Histogram({
    name: 'qrm_request_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['route'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180],
    ...this.of,
  });
  readonly conversations = new Counter({
    name: 'qrm_conversations_total',
    help: 'Scored conversations.',
    ...this.of,
  });
  readonly tokens = new Counter({
    name: 'qrm_tokens_total',
    help: 'Tokens of scored conversations.',
    ...this.of,
  });
  readonly failed = new Counter({
    name: 'qrm_conversations_failed_total',
    help: 'Conversations that could not be scored.',
    ...this.of,
  });
  readonly refused = new Counter({
    name: 'qrm_refused_total',
    help: 'Requests that found the queue full.',
    ...this.of,
  });
  readonly cancelled = new Counter({
    name: 'qrm_cancelled_total',
    help: 'Requests given up: a deadline, a client that left.',
    labelNames: ['why'] as const,
    ...this.of,
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** @param now the conversations that wait or run */
  queue(now: () => number): void {
    new Gauge({
      name: 'qrm_queue_conversations',
      help: 'Conversations that wait or run.',
      ...this.of,
      collect() {
        this.set(now());
      },
    });
  }
}
