#include "portal/style.h"

namespace sm::portal {

// Sizes in rem, so that a reader's own text size counts; one column that fits 320 CSS pixels; focus
// that can be seen on every ground; nothing that moves.
const std::string_view kStyle = R"css(
*,*::before,*::after{box-sizing:border-box}
html{font-size:100%;-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;background:#f3f5f8;color:#1b2430;
font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Ubuntu,sans-serif}
.wrap{width:100%;max-width:46rem;margin:0 auto;padding:0 1rem}
.skip{position:absolute;left:-100rem;top:0;background:#fff;color:#1b2430;padding:.75rem 1rem}
.skip:focus{left:0;z-index:2}
header.top{background:#fff;border-top:.375rem solid var(--brand);border-bottom:1px solid #d9dfe7}
header.top .wrap{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1.25rem;padding-top:1rem;
padding-bottom:1rem}
header.top img{display:block;max-height:3rem;max-width:12rem;width:auto;height:auto}
.org{font-size:1.25rem;font-weight:650;line-height:1.3;overflow-wrap:anywhere}
.langs{margin:0 0 0 auto;padding:0;list-style:none;display:flex;gap:.25rem;font-size:.9375rem}
.langs>li>*{display:inline-block;padding:.375rem .625rem;border-radius:.25rem}
.langs [aria-current]{font-weight:650;background:#eef1f6}
main{flex:1;padding:1.5rem 0 2.5rem}
.card{background:#fff;border:1px solid #d9dfe7;border-radius:.625rem;padding:1.25rem 1.125rem;
margin:0 0 1.25rem;overflow-wrap:break-word;box-shadow:0 1px 2px rgba(20,35,60,.05)}
@media(min-width:40rem){h1{font-size:1.75rem}.wrap{padding:0 1.5rem}.card{padding:2rem 2.25rem}main{padding:2.5rem 0 3rem}}
h1{font-size:1.4375rem;line-height:1.25;margin:0 0 1rem;font-weight:680;letter-spacing:-.005em;
overflow-wrap:anywhere}
h2{font-size:1.1875rem;line-height:1.35;margin:2rem 0 .75rem;font-weight:650}
.card>h2:first-child{margin-top:0}
p,ul,ol,dl{margin:0 0 1rem}
.lead{font-size:1.125rem}
.quiet{color:#4d5a6b;font-size:.9375rem}
.card>:last-child,.note>:last-child{margin-bottom:0}
a{color:var(--link);text-underline-offset:.15em;text-decoration-thickness:.08em}
a:hover{text-decoration-thickness:.16em}
a:focus-visible,button:focus-visible,input:focus-visible,textarea:focus-visible,summary:focus-visible,
iframe:focus-visible,[tabindex]:focus-visible{outline:.1875rem solid #1b2430;outline-offset:.125rem;
box-shadow:0 0 0 .375rem #ffd54a;border-radius:.25rem}
main:focus{outline:none;box-shadow:none}
.steps{list-style:none;margin:0 0 1.5rem;padding:0;display:flex;flex-wrap:wrap;gap:.375rem 1.25rem;
font-size:.9375rem;color:#4d5a6b}
.steps li{display:flex;align-items:center;gap:.5rem}
.steps span{display:inline-flex;align-items:center;justify-content:center;width:1.625rem;height:1.625rem;
border-radius:50%;border:.125rem solid #6b7889;font-size:.8125rem;font-weight:650}
.steps [aria-current]{color:#1b2430;font-weight:650}
.steps [aria-current] span{background:var(--brand);border-color:var(--brand);color:var(--on-brand)}
.steps .past span{border-color:#1d6b3a;color:#1d6b3a}
label,legend,.label{display:block;font-weight:650;margin:0 0 .25rem}
.hint{margin:0 0 .5rem;color:#4d5a6b;font-size:.9375rem}
.field{margin:0 0 1.5rem}
.field.wrong{border-left:.25rem solid #b3141d;padding-left:.875rem}
.problem{color:#a3121a;font-weight:650;margin:0 0 .5rem}
input[type=text],input[type=tel],input[type=password],textarea,input[type=file]{display:block;width:100%;
font:inherit;color:inherit;background:#fff;border:.125rem solid #5a6675;border-radius:.375rem;
padding:.625rem .75rem;min-height:3rem}
textarea{min-height:12rem;resize:vertical}
input.code{width:11.5rem;max-width:100%;font-size:1.625rem;letter-spacing:.22em;
font-variant-numeric:tabular-nums;padding:.5rem .75rem}
button,.button{display:inline-block;font:inherit;font-weight:650;line-height:1.25;cursor:pointer;
background:var(--brand);color:var(--on-brand);border:.125rem solid var(--brand);border-radius:.375rem;
padding:.75rem 1.375rem;min-height:3rem;text-decoration:none;text-align:center}
button:hover,.button:hover{text-decoration:underline;text-underline-offset:.2em}
.second{background:#fff;color:#1b2430;border-color:#5a6675}
.second:hover{background:#eef1f6}
.danger{background:#a3121a;border-color:#a3121a;color:#fff}
.plain{background:none;border:none;color:var(--link);text-decoration:underline;padding:.375rem 0;
min-height:1.5rem;font-weight:400;text-underline-offset:.15em}
.plain:hover{background:none;text-decoration-thickness:.16em}
.row{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;margin:0 0 1rem}
.row form{margin:0}
@media(max-width:30rem){.row>.button,.row>form,.row>form>button,.wide{width:100%}}
.note{border-left:.25rem solid #5a6675;background:#f3f5f8;padding:.875rem 1rem;margin:0 0 1.5rem;
border-radius:0 .375rem .375rem 0}
.note.good{border-color:#1d6b3a;background:#edf6f0}
.note.warn{border-color:#8a5a00;background:#fdf6e5}
.errors{background:#fff;border:.1875rem solid #b3141d;border-radius:.375rem;padding:1rem 1.125rem;margin:0 0 1.5rem}
.errors h2{margin:0 0 .5rem}
.errors ul{margin:0;padding:0;list-style:none}
.errors a,.errors li{color:#a3121a;font-weight:650}
.ref{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;font-weight:650;
background:#eef1f6;border-radius:.25rem;padding:.0625rem .4375rem;letter-spacing:.06em;white-space:nowrap}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0 0 1.25rem;
font-size:.9875rem}
.facts dt{color:#4d5a6b}
.facts dd{margin:0;overflow-wrap:anywhere}
@media(max-width:26rem){.facts{grid-template-columns:1fr;gap:0}.facts dd{margin:0 0 .5rem}}
.mail{border-top:1px solid #d9dfe7;padding-top:1.25rem}
pre.text{font:inherit;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
iframe{display:block;width:100%;height:34rem;max-height:85vh;margin:0 0 .75rem;border:1px solid #d9dfe7;
border-radius:.375rem;background:#fff;resize:vertical}
iframe.short{height:16rem}
iframe.long{height:85vh;max-height:none}
details{margin:.5rem 0 0}
summary{cursor:pointer;color:var(--link);padding:.375rem 0}
.files{list-style:none;margin:0 0 1.25rem;padding:0;border-top:1px solid #d9dfe7}
.files li{border-bottom:1px solid #d9dfe7;padding:.625rem 0;display:flex;flex-wrap:wrap;
gap:.125rem 1rem;align-items:baseline}
.files a{flex:1 1 12rem;overflow-wrap:anywhere;font-weight:600;padding:.25rem 0}
.files span{color:#4d5a6b;font-size:.9375rem;white-space:nowrap}
footer{background:#fff;border-top:1px solid #d9dfe7;padding:1.25rem 0 1.75rem;font-size:.9375rem;
color:#4d5a6b}
footer p{margin:0 0 .375rem}
footer ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
footer li{overflow-wrap:anywhere}
footer a{display:inline-block;padding:.25rem 0}
.print{display:none}
@media(forced-colors:active){button,.button{border:.125rem solid ButtonText}}
@media print{body{background:#fff;font-size:11pt}header.top{border:0}.langs,.steps,.row,.skip,footer,
.noprint{display:none!important}.card{border:0;box-shadow:none;padding:0}.print{display:block}
iframe{height:auto;max-height:none}a{color:inherit}}
)css";

const std::string_view kIcon =
    R"svg(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="2" y="7" width="28" height="20" rx="3" fill="#1d4f91"/><path d="M4 10l12 9 12-9" fill="none" stroke="#fff" stroke-width="2.5"/></svg>)svg";

}  // namespace sm::portal
