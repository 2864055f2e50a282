import { DEFAULT_LAMBDA, DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import { el } from '../ui/dom.js';
import { lambdaAt, positionOf, rounded } from './model.js';

export interface ControlEvents {
  readonly changed: (tau: number, lambda: number) => void;
  readonly reset: () => void;
}

interface Pair {
  readonly slider: HTMLInputElement;
  readonly field: HTMLInputElement;
}

/** Sliders for tau and lambda, each with a field for an exact value; every movement is told at once. */
export class Controls {
  readonly element: HTMLElement;
  private readonly tau = pair(
    'tau',
    { min: 0.005, max: 0.5, step: 0.005 },
    'Level of the left tail, τ',
  );
  private readonly lambda = pair('lambda', { min: 0, max: 1, step: 0.005 }, 'Risk aversion, λ');
  private readonly reset = el('button', { type: 'button', class: 'link' }, 'Reset to the settings');
  private values: [tau: number, lambda: number] = [DEFAULT_TAU, DEFAULT_LAMBDA];

  constructor(private readonly events: ControlEvents) {
    const tell = () => events.changed(...this.values);
    this.wire(
      this.tau,
      (v) => rounded(v),
      (v) => v > 0 && v < 1,
      0,
      tell,
    );
    this.wire(
      this.lambda,
      (v) => rounded(lambdaAt(v)),
      (v) => v >= 0,
      1,
      tell,
    );
    this.reset.addEventListener('click', () => this.events.reset());
    this.element = el(
      'section',
      { class: 'controls', 'aria-label': 'Risk' },
      row(
        'Tail level τ',
        'The left tail is the reward that all but this share of the outcomes exceed',
        this.tau,
      ),
      row(
        'Risk aversion λ',
        'Certainty equivalent −log E[exp(−λ r)] / λ; 0 is the mean',
        this.lambda,
      ),
      this.reset,
    );
  }

  show(tau: number, lambda: number, changed: boolean): void {
    this.values = [tau, lambda];
    this.reset.hidden = !changed;
    put(this.tau, tau, tau);
    put(this.lambda, positionOf(lambda), lambda);
    this.tau.slider.setAttribute('aria-valuetext', `${+(tau * 100).toFixed(2)} percent`);
    this.lambda.slider.setAttribute('aria-valuetext', String(lambda));
  }

  private wire(
    { slider, field }: Pair,
    read: (position: number) => number,
    valid: (v: number) => boolean,
    at: 0 | 1,
    tell: () => void,
  ): void {
    slider.addEventListener('input', () => {
      this.values[at] = read(Number(slider.value));
      tell();
    });
    field.addEventListener('change', () => {
      const v = Number(field.value.trim().replace(',', '.'));
      const good = field.value.trim() !== '' && Number.isFinite(v) && valid(v);
      field.setAttribute('aria-invalid', String(!good));
      if (!good) return;
      this.values[at] = v;
      tell();
    });
  }
}

function pair(
  name: string,
  limits: { min: number; max: number; step: number },
  label: string,
): Pair {
  return {
    slider: el('input', { type: 'range', ...limits, name, 'aria-label': label }),
    field: el('input', {
      type: 'text',
      inputmode: 'decimal',
      class: 'exact',
      'aria-label': `${label}, exact value`,
    }),
  };
}

function row(text: string, hint: string, { slider, field }: Pair): HTMLElement {
  return el('div', { class: 'control', title: hint }, el('span', {}, text), slider, field);
}

function put({ slider, field }: Pair, position: number, value: number): void {
  if (Number(slider.value) !== position) slider.value = String(position);
  if (document.activeElement !== field) field.value = String(value);
}
