--- How the status page looks: light and dark by the reader's wish, one column on a phone.

return [[
:root{--bg:#f5f6f8;--card:#fff;--ink:#1c2430;--soft:#667085;--line:#e4e7ec;--good:#0f7b46;--goodbg:#e3f6ec;
--warn:#935a00;--warnbg:#fdf1da;--bad:#b3261e;--badbg:#fde8e6;--code:#f0f2f5;--mark:#2e5aac}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b212a;--ink:#e6e9ee;--soft:#98a2b3;--line:#2c3440;
--good:#5fd39a;--goodbg:#12372a;--warn:#f2be5c;--warnbg:#3b2d10;--bad:#ff8d85;--badbg:#43191a;--code:#252d38;
--mark:#8ab0f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.top,main,footer{max-width:72rem;margin:0 auto;padding:0 1.25rem}
.top{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between;padding-top:1.5rem}
.top div{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem .75rem}
h1{font-size:1.6rem;margin:0;letter-spacing:-.02em;color:var(--mark)}
h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.08em;color:var(--soft);margin:2rem 0 .75rem}
h3{font-size:1.1rem;margin:0}
p{margin:.4rem 0}
.muted{color:var(--soft);font-size:.875rem;overflow-wrap:anywhere}
.card,.problem{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:1rem 1.25rem;margin:0 0 1rem}
.card header,.problem header{display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:center;margin-bottom:.5rem}
.problems{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem}
.problem{margin:0;border-left:4px solid var(--bad);overflow-wrap:anywhere}
.problem.warn{border-left-color:var(--warn)}
.subject{font-weight:600}
.way{color:var(--soft)}
.way b{color:var(--ink)}
code{display:inline-block;background:var(--code);border-radius:6px;padding:.2rem .5rem;margin:.25rem .5rem 0 0;
font:13px/1.4 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
.badge{display:inline-block;border-radius:999px;padding:.1rem .65rem;font-size:.8rem;font-weight:600;white-space:nowrap}
.badge.good{color:var(--good);background:var(--goodbg)}
.badge.warn{color:var(--warn);background:var(--warnbg)}
.badge.bad{color:var(--bad);background:var(--badbg)}
b.bad,p.bad{color:var(--bad)}
b.warn{color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(6rem,1fr));gap:.5rem;margin:.5rem 0 .75rem}
.tiles div{display:flex;flex-direction:column}
.tiles b{font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
.tiles span{color:var(--soft);font-size:.8rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .75rem .35rem 0;text-align:right;border-top:1px solid var(--line);white-space:nowrap}
thead th{color:var(--soft);font-weight:500;border-top:0}
tbody th,th:first-child,.left td,.left th,td.left{text-align:left}
.left td:last-child{white-space:normal;min-width:16rem;overflow-wrap:anywhere}
tbody th{font-weight:600}
.reasons{padding-left:2.25rem}
footer{padding-top:1rem;padding-bottom:2rem}
@media(max-width:40rem){.top,main,footer{padding-left:.75rem;padding-right:.75rem}.card,.problem{padding:.85rem}}
]]
