/** The report's style sheet; its hash stands in the page's content security policy. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b1f27;--dim:#5d6676;--line:#e2e5eb;--fill:#3b6fd8;--other:#8a93a3;--error:#c4320a;--warning:#a15c00;--info:#2563b0}
@media(prefers-color-scheme:dark){:root{--bg:#101319;--card:#181c24;--ink:#e7eaf0;--dim:#9aa4b5;--line:#2a303c;--fill:#7aa2ff;--other:#7b8596;--error:#ff8266;--warning:#f5b544;--info:#8ab8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:36px 22px 60px}
h1{font-size:26px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:17px;margin:38px 0 10px}
p{margin:4px 0}.dim{color:var(--dim)}.place{font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
.error{color:var(--error)}.warning{color:var(--warning)}.info{color:var(--info)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:12px;margin:22px 0 0}
.card,figure,table,article{background:var(--card);border:1px solid var(--line);border-radius:12px}
.card{padding:14px 18px}.card b{display:block;font-size:26px;font-weight:600;line-height:1.3;letter-spacing:-.01em}
figure{margin:0;padding:18px}svg{display:block;width:100%;height:auto}
table{width:100%;border-collapse:separate;border-spacing:0;overflow:hidden}
th,td{text-align:left;padding:9px 14px;border-top:1px solid var(--line);vertical-align:top}thead th{border-top:0;font-size:12px;font-weight:500;color:var(--dim)}
td.n,th.n{text-align:right}tbody th{font:13px ui-monospace,SFMono-Regular,Menlo,monospace;white-space:nowrap}
article{display:grid;grid-template-columns:270px minmax(0,1fr);gap:6px 26px;padding:18px 20px;margin:0 0 12px;break-inside:avoid}
.nums{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13px}.nums b{font-weight:600}.rank{color:var(--dim)}
.kind{border:1px solid var(--line);border-radius:99px;padding:0 9px;font-size:12px}
.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:8px 0}.why{margin:8px 0 0;padding:0;list-style:none;font-size:13px}
.area{fill:var(--fill);fill-opacity:.28}.left{fill:var(--error);fill-opacity:.55}.curve{fill:none;stroke:var(--fill);stroke-width:1.6;stroke-linejoin:round}
.other{fill:none;stroke:var(--other);stroke-width:1.2;stroke-dasharray:3 2}.axis{stroke:var(--line)}.mean{stroke:var(--ink);stroke-width:1.4}.tail{stroke:var(--error);stroke-width:1.4}
.bar{fill:var(--fill);fill-opacity:.7}.bar.left{fill:var(--error);fill-opacity:.75}
svg text{fill:var(--dim);font:10px system-ui,-apple-system,"Segoe UI",sans-serif}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;font-size:12px;color:var(--dim);margin:0 0 12px}
.key i{display:inline-block;width:12px;height:10px;border-radius:2px;margin-right:6px;background:var(--fill);opacity:.5}.key .r{background:var(--error);opacity:.8}.key .o{height:0;border-top:2px dashed var(--other);background:none;opacity:1;vertical-align:middle}.key .m{width:2px;background:var(--ink);opacity:1}
@media(max-width:700px){article{grid-template-columns:1fr}}
@media print{body{background:#fff}main{padding:0}}
`;
