// What a native library is made for, and which libraries it needs, as its own header says: ELF, PE and Mach-O, 64 bits.
import { readFileSync } from 'node:fs';

const text = (bytes, at) => bytes.toString('latin1', at, bytes.indexOf(0, at));

/** DT_NEEDED of the dynamic section. */
function elf(bytes) {
  const u64 = (at) => Number(bytes.readBigUInt64LE(at));
  const cpu = { 0x3e: 'x64', 0xb7: 'arm64' }[bytes.readUInt16LE(18)];
  const segments = Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => {
    const at = u64(32) + i * bytes.readUInt16LE(54);
    return {
      type: bytes.readUInt32LE(at),
      offset: u64(at + 8),
      address: u64(at + 16),
      size: u64(at + 32),
    };
  });
  const dynamic = segments.find(({ type }) => type === 2);
  const entries = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size && u64(at) !== 0; at += 16)
    entries.push([u64(at), u64(at + 8)]);
  const strings = entries.find(([tag]) => tag === 5)[1];
  const load = segments.find(
    (s) => s.type === 1 && s.address <= strings && strings < s.address + s.size,
  );
  const table = strings - load.address + load.offset;
  const needed = entries.filter(([tag]) => tag === 1).map(([, name]) => text(bytes, table + name));
  return { os: 'linux', cpu, needed };
}

/** The import directory and that of imports at first use. */
function pe(bytes) {
  const header = bytes.readUInt32LE(0x3c);
  const cpu = { 0x8664: 'x64', 0xaa64: 'arm64' }[bytes.readUInt16LE(header + 4)];
  const optional = header + 24;
  const first = optional + bytes.readUInt16LE(header + 20);
  const sections = Array.from({ length: bytes.readUInt16LE(header + 6) }, (_, i) => {
    const at = first + i * 40;
    return [bytes.readUInt32LE(at + 12), bytes.readUInt32LE(at + 16), bytes.readUInt32LE(at + 20)];
  });
  const place = (address) => {
    const [base, , offset] = sections.find(
      ([from, size]) => from <= address && address < from + size,
    );
    return address - base + offset;
  };
  const names = (directory, size, field) => {
    const address = bytes.readUInt32LE(optional + 112 + 8 * directory);
    const out = [];
    if (address === 0) return out;
    for (let at = place(address); bytes.readUInt32LE(at + field) !== 0; at += size)
      out.push(text(bytes, place(bytes.readUInt32LE(at + field))));
    return out;
  };
  return { os: 'win32', cpu, needed: [...names(1, 20, 12), ...names(13, 32, 4)] };
}

/** LC_LOAD_DYLIB and its weak and re-exported forms; of a file for several processors, the part for `wanted`. */
function macho(bytes, wanted) {
  const CPUS = { 0x01000007: 'x64', 0x0100000c: 'arm64' };
  if (bytes.readUInt32BE(0) === 0xcafebabe) {
    const parts = Array.from({ length: bytes.readUInt32BE(4) }, (_, i) => 8 + i * 20);
    const part = parts.find((at) => CPUS[bytes.readUInt32BE(at)] === wanted) ?? parts[0];
    const offset = bytes.readUInt32BE(part + 8);
    return macho(bytes.subarray(offset, offset + bytes.readUInt32BE(part + 12)), wanted);
  }
  const needed = [];
  let at = 32;
  for (let n = bytes.readUInt32LE(16); n > 0; n--, at += bytes.readUInt32LE(at + 4)) {
    if ([0xc, 0x80000018, 0x8000001f].includes(bytes.readUInt32LE(at)))
      needed.push(text(bytes, at + bytes.readUInt32LE(at + 8)));
  }
  return { os: 'darwin', cpu: CPUS[bytes.readUInt32LE(4)], needed };
}

/**
 * @param {string} file
 * @param {string} wanted the processor that is asked for, of a file for several
 * @returns {{ os: string, cpu: string | undefined, needed: string[] }}
 * @throws Error where it is no library of the three kinds
 */
export function libraryFacts(file, wanted) {
  const bytes = readFileSync(file);
  const magic = bytes.length < 64 ? 0 : bytes.readUInt32BE(0);
  if (magic === 0x7f454c46) return elf(bytes);
  if (magic >>> 16 === 0x4d5a) return pe(bytes);
  if (magic === 0xcafebabe || magic === 0xcffaedfe) return macho(bytes, wanted);
  throw new Error(`${file}: neither ELF, PE nor Mach-O`);
}
