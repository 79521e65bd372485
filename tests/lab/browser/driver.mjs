// A browser for tests in other languages: one JSON command a line on stdin, one JSON answer a line
// on stdout. {"do": "goto", "url": …} answers {"ok": …} or {"error": "…"}. One page at a time.
//
// Everything that the browser asks of the network is written down from the first moment on, also
// what a policy then blocks: `requests` lists it.

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const modules = createRequire(`${process.env.BROWSER_MODULES}/`);
const { chromium } = modules("playwright-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");
const kPatience = Number(process.env.BROWSER_PATIENCE ?? "60") * 1000;

const browser = await chromium.launch({
  executablePath: process.env.BROWSER ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
    ...(process.env.BROWSER_HOSTS ? [`--host-resolver-rules=${process.env.BROWSER_HOSTS}`] : [])],
});
let context = null;
let page = null;
let underway = null;  // a download
let settings = {};  // of the context
let requests = [];
let messages = [];  // of the console, errors and dialogs: signs of a script that ran

const note = (kind) => (what) => messages.push(`${kind}: ${what.text?.() ?? what.message ?? what}`);

function watch(opened) {
  opened.setDefaultTimeout(kPatience);
  opened.on("console", note("console"));
  opened.on("pageerror", note("error"));
  opened.on("dialog", (dialog) => {
    messages.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
}

// axe-core's judgement of a page; of one in a context without scripts: of the same bytes, shown again
// where scripts run.
async function judge(subject, runOnly) {
  await subject.evaluate(axe);
  const result = await subject.evaluate((only) => axe.run(document, {
    iframes: false, resultTypes: ["violations"], runOnly: only,
  }), runOnly);
  return result.violations.map((violation) => ({
    rule: violation.id, help: violation.help,
    where: violation.nodes.slice(0, 5).map(
      (node) => `${node.target.join(" ")}: ${node.html.slice(0, 160)}`),
  }));
}

async function judgeCopy(runOnly) {
  const body = await page.content();
  const twin = await browser.newContext({
    ...settings, viewport: page.viewportSize(), javaScriptEnabled: true, bypassCSP: true });
  try {
    await twin.route(page.url(), (route) => route.fulfill({ body, contentType: "text/html; charset=utf-8" }));
    const copy = await twin.newPage();
    await copy.goto(page.url(), { waitUntil: "load" });
    return await judge(copy, runOnly);
  } finally {
    await twin.close();
  }
}

const acts = {
  // options: javascript, width, height, locale, bypassCSP, zoom
  async open({ javascript = true, width = 1024, height = 900, locale = "en-GB", bypassCSP = false }) {
    await context?.close();
    settings = { javaScriptEnabled: javascript, viewport: { width, height }, locale, bypassCSP, acceptDownloads: true };
    context = await browser.newContext(settings);
    requests = [];
    messages = [];
    context.on("request", (request) => requests.push(`${request.method()} ${request.url()}`));
    context.on("page", watch);
    page = await context.newPage();
    await page.emulateMedia({ reducedMotion: "reduce" });
  },
  async goto({ url }) {
    const response = await page.goto(url, { waitUntil: "load" });
    return { status: response?.status(), headers: await response?.allHeaders() };
  },
  url: async () => page.url(),
  title: async () => page.title(),
  text: async ({ selector = "main" }) => page.locator(selector).first().innerText(),
  count: async ({ selector }) => page.locator(selector).count(),
  attribute: async ({ selector, name }) => page.locator(selector).first().getAttribute(name),
  async click({ selector }) {
    await page.locator(selector).first().click();
    await page.waitForLoadState("load");
  },
  fill: async ({ selector, value }) => page.locator(selector).first().fill(value),
  files: async ({ selector, paths }) => page.locator(selector).first().setInputFiles(paths),
  async press({ key, navigates = false }) {
    const loaded = navigates ? page.waitForEvent("load") : null;
    await page.keyboard.press(key);
    await loaded;
  },
  type: async ({ text }) => page.keyboard.type(text),
  // What has the focus: its text or label, and whether a person sees that it has.
  focus: async () => page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    return {
      tag: element.tagName.toLowerCase(), id: element.id, name: element.getAttribute("name"),
      text: (element.innerText ?? "").trim(), href: element.getAttribute("href"),
      isVisible: style.outlineStyle !== "none" || style.boxShadow !== "none",
    };
  }),
  // `to`: a place for it on disk, too.
  async download({ selector, to = null }) {
    const [file] = await Promise.all([page.waitForEvent("download"), page.locator(selector).first().click()]);
    if (to !== null) await file.saveAs(to);
    const octets = readFileSync(await file.path());
    return {
      name: file.suggestedFilename(), size: octets.length,
      sha256: createHash("sha256").update(octets).digest("hex"),
    };
  },
  // A download is under way; `endDownload` waits for its end: null, or why it failed.
  async beginDownload({ selector }) {
    [underway] = await Promise.all([page.waitForEvent("download"), page.locator(selector).first().click()]);
    return underway.suggestedFilename();
  },
  endDownload: async () => underway.failure(),
  // The popup that a click opened: its URL, without letting it load.
  async popup({ frame, selector }) {
    const target = frame ? page.frameLocator(frame) : page;
    const [opened] = await Promise.all([page.waitForEvent("popup"), target.locator(selector).first().click()]);
    await opened.waitForURL(/./, { waitUntil: "commit" }).catch(() => {});
    const url = opened.url();
    const hasOpener = await opened.evaluate(() => window.opener !== null).catch(() => null);
    await opened.close();
    return { url, hasOpener };
  },
  frameText: async ({ frame, selector = "body" }) => page.frameLocator(frame).locator(selector).first().innerText(),
  frameCount: async ({ frame, selector }) => page.frameLocator(frame).locator(selector).count(),
  frameImages: async ({ frame }) => page.frameLocator(frame).locator("img").evaluateAll(
    (images) => images.map((image) => [image.complete && image.naturalWidth > 0, image.src.slice(0, 22)])),
  evaluate: async ({ script }) => page.evaluate(script),
  // How far the page is wider than the window.
  overflow: async () => page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth),
  // Of the page, not of its frames: no script runs in those. A frame's document is looked at alone.
  // `practice`: what is good practice, too, not only what WCAG demands.
  async axe({ practice = true }) {
    const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const runOnly = practice ? [...rules, "best-practice"] : rules;
    return settings.javaScriptEnabled ? judge(page, runOnly) : judgeCopy(runOnly);
  },
  async screenshot({ path, full = true }) {
    await page.screenshot({ path, fullPage: full, animations: "disabled" });
  },
  cookies: async () => context.cookies(),
  async setCookies({ cookies }) { await context.addCookies(cookies); },
  async resize({ width, height = 900 }) { await page.setViewportSize({ width, height }); },
  media: async ({ media }) => page.emulateMedia({ media }),
  async idle() { await page.waitForLoadState("networkidle"); },
  async wait({ seconds }) { await new Promise((done) => setTimeout(done, seconds * 1000)); },
  requests: async () => requests,
  messages: async () => messages,
};

process.stdout.write(`${JSON.stringify({ ok: browser.version() })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { do: act, ...options } = JSON.parse(line);
  let answer;
  try {
    answer = { ok: (await acts[act](options)) ?? null };
  } catch (error) {
    answer = { error: `${act} ${JSON.stringify(options)}: ${error.message ?? error}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
