const WIDE = 18;

/** Seconds of the best round of each contestant. */
export class Best {
  readonly seconds = new Map<string, number>();

  add(name: string, seconds: number): void {
    // Told at once: a run that is cut off has measured something.
    process.stderr.write(`${name}: ${seconds.toFixed(2)} s\n`);
    this.seconds.set(name, Math.min(seconds, this.seconds.get(name) ?? Infinity));
  }

  /** A line for each contestant, with ratios to everyone else's. */
  print(title: string, units: readonly (readonly [string, number])[]): void {
    console.log(`${title}:`);
    const against = [...this.seconds.keys()].filter((name) => !name.startsWith('qrm'));
    const rest = ' '.repeat(18 + units.reduce((n, [unit]) => n + 12 + unit.length, 0));
    console.log(`  ${rest}   times the speed of`);
    console.log(`  ${rest}   ${against.map((name) => name.padStart(WIDE)).join('')}`);
    for (const [name, s] of this.seconds) {
      const rates = units.map(([unit, n]) => `${(n / s).toFixed(1).padStart(9)} ${unit}/s`);
      const ratios = against.map((n) => (this.seconds.get(n)! / s).toFixed(2).padStart(WIDE));
      console.log(`  ${name.padEnd(18)}${rates.join('')}   ${ratios.join('')}`);
    }
  }
}
