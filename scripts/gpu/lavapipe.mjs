// Mesa's Vulkan driver that computes on the processor, unpacked into the cache: nothing of the system is changed.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, Missing, must, once } from './cache.mjs';

const SOURCE = join(import.meta.dirname, '..', '..', 'test', 'gpu', 'stand-ins', 'vulkan.c');
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
const HELP =
  'lavapipe of Mesa 24 or later is needed: on Debian or Ubuntu apt-get and dpkg-deb bring it; elsewhere install it and' +
  ' name its driver file by QRM_LAVAPIPE=/usr/share/vulkan/icd.d/lvp_icd.json';

/** The mirror that this Debian uses for its own suite. */
function mirror(codename) {
  const files = ['/etc/apt/sources.list'];
  const parts = '/etc/apt/sources.list.d';
  if (existsSync(parts)) files.push(...readdirSync(parts).map((name) => join(parts, name)));
  for (const file of files) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const line = new RegExp(`^deb (?:\\[.*?\\] )?(\\S+) ${codename} `, 'm').exec(text)?.[1];
    if (line) return line;
    for (const stanza of text.split(/\n\s*\n/)) {
      if (new RegExp(`^Suites:.*\\b${codename}\\b(?!-)`, 'm').test(stanza))
        return /^URIs:\s*(\S+)/m.exec(stanza)?.[1];
    }
  }
  return undefined;
}

/** apt-get with lists and archives of its own; Debian 12's Mesa is too old, its backports have 25. */
function apt(folder) {
  const os = readFileSync('/etc/os-release', 'utf8');
  const codename = /^VERSION_CODENAME=(\S+)/m.exec(os)?.[1];
  const lines = [
    `Dir::State::lists "${folder}/lists";`,
    `Dir::Cache::archives "${folder}/archives";`,
    'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";',
    'Debug::NoLocking "1"; APT::Sandbox::User "root";',
  ];
  const backports = codename === 'bookworm';
  if (backports) {
    const uri = mirror(codename);
    if (uri === undefined)
      throw new Missing(`apt's sources name no mirror of ${codename}. ${HELP}`);
    const key = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
    const suites = [codename, `${codename}-backports`];
    writeFileSync(
      join(folder, 'sources.list'),
      suites.map((suite) => `deb ${key} ${uri} ${suite} main\n`).join(''),
    );
    lines.push(`Dir::Etc::sourcelist "${folder}/sources.list"; Dir::Etc::sourceparts "/dev/null";`);
  }
  for (const name of ['lists', 'archives'])
    mkdirSync(join(folder, name, 'partial'), { recursive: true });
  writeFileSync(join(folder, 'apt.conf'), `${lines.join('\n')}\n`);
  const env = { ...process.env, APT_CONFIG: join(folder, 'apt.conf') };
  must('apt-get', ['update'], HELP, { env });
  const target = backports ? ['-t', `${codename}-backports`] : [];
  const args = [
    'install',
    '-y',
    '--reinstall',
    '--download-only',
    '--no-install-recommends',
    ...target,
  ];
  must('apt-get', [...args, 'mesa-vulkan-drivers', 'libvulkan1'], HELP, { env });
}

async function unpacked() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Missing(`this check is for Linux on x86-64. ${HELP}`);
  return once('lavapipe', (draft) => {
    const folder = join(CACHE, 'apt');
    mkdirSync(folder, { recursive: true });
    apt(folder);
    for (const name of readdirSync(join(folder, 'archives')).filter((n) => n.endsWith('.deb')))
      must('dpkg-deb', ['-x', join(folder, 'archives', name), draft], HELP);
    if (!existsSync(join(draft, LIBRARIES, 'libvulkan_lvp.so')))
      throw new Missing(`the package mesa-vulkan-drivers holds no lavapipe. ${HELP}`);
  });
}

/**
 * The environments in which a program sees lavapipe as it is, as a card of NVIDIA's, and without subgroup operations: its
 * answer to ONNX Runtime's FlashAttention by subgroups is wrong, that of real cards is not known.
 */
export async function lavapipes() {
  const named = process.env.QRM_LAVAPIPE;
  const root = named ? undefined : await unpacked();
  const library = root
    ? join(root, LIBRARIES, 'libvulkan_lvp.so')
    : JSON.parse(readFileSync(named, 'utf8')).ICD.library_path;
  const folder = join(CACHE, 'vulkan');
  mkdirSync(folder, { recursive: true });
  const shim = join(folder, 'libvulkan_shim.so');
  const compiler = process.env.CC ?? 'cc';
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-O1', '-Wall', '-shared', '-fPIC'];
  must(
    compiler,
    [...flags, '-o', shim, SOURCE, '-ldl'],
    'a C compiler is needed: apt-get install gcc',
  );
  // "lvp" in the name: doctor tells software drivers by it.
  const icd = (name, path) => {
    const file = join(folder, `lvp_${name}_icd.json`);
    const json = {
      file_format_version: '1.0.0',
      ICD: { library_path: path, api_version: '1.3.255' },
    };
    if (!existsSync(file)) writeFileSync(file, JSON.stringify(json));
    return file;
  };
  const env = root ? { LD_LIBRARY_PATH: join(root, LIBRARIES) } : {};
  const shimmed = { ...env, SHIM_ICD: library };
  return {
    library,
    plain: { ...env, VK_DRIVER_FILES: icd('plain', library) },
    nvidia: { ...shimmed, SHIM_VENDOR: '0x10de', VK_DRIVER_FILES: icd('nvidia', shim) },
    'no subgroups': {
      ...shimmed,
      SHIM_SUBGROUPS: 'hidden',
      VK_DRIVER_FILES: icd('subgroups', shim),
    },
  };
}
